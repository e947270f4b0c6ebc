"""The monitor: takes what the service observed, off the path of its requests, and raises alarms."""

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from detectlab.models.atomic_files import WeightsError
from detectlab.monitoring.baseline import (
    MIN_PICTURES,
    Baseline,
    BaselineStore,
    freeze_busiest_lane,
)
from detectlab.monitoring.exchange import Exchange
from detectlab.monitoring.metrics import MonitoringMetrics
from detectlab.monitoring.observed import observed_bins
from detectlab.monitoring.watch import Alarm, Watch
from detectlab.serving.observation import MAX_WAITING, Observation, Observations

logger = logging.getLogger(__name__)

# What was observed is counted one by one, evenly over this time: each request shares the
# interpreter with little of it, and none with much.
_PERIOD_S = 0.25
_BASELINES_PERIOD_S = 5.0  # between two looks at the files of the baselines
_MAX_WATCHES = 8
_KEPT_ALARMS = 50


class Monitor:
    """Watches the answers of a service; thread-safe.

    Args:
        folder: Where baselines are kept.
        metrics: Shows what is watched.
        notify: Told about each alarm that begins or ends.
        exchange: Tells the other gateways of a cluster, and what they told.
        share: Of the pictures whose pixels are to be looked at while nothing is suspicious.

    Attributes:
        share: Of the pictures whose pixels are to be looked at now: of all on a suspicion.
        observed: Where the service puts what it observed.
        alarms: The last alarms, the newest first.
        lock: Guards `watches` and `alarms`.
        watches: What is watched, by detector and lane.
    """

    def __init__(
        self,
        folder: Path,
        metrics: MonitoringMetrics,
        notify: Callable[[Alarm], None] = lambda alarm: None,
        exchange: Exchange | None = None,
        share: float = 1.0,
    ) -> None:
        self.store = BaselineStore(folder)
        self.alarms: deque[Alarm] = deque(maxlen=_KEPT_ALARMS)
        self.lock = threading.Lock()
        self.watches: OrderedDict[tuple[str, str], Watch] = OrderedDict()
        self.observed: Observations = deque(maxlen=MAX_WAITING)
        self.exchange = exchange
        self._metrics, self._notify = metrics, notify
        self.share = self._usual_share = share
        self._versions: dict[tuple[str, str], int] = {}
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Start watching."""
        self._end.clear()
        self._thread = threading.Thread(target=self._work, name="monitoring", daemon=True)
        self._thread.start()
        if self.exchange:
            self.exchange.open(self.state, self.store)

    def close(self) -> None:
        """Stop watching, once all that was observed is counted."""
        self._end.set()
        if self._thread:
            self._thread.join()
            self._thread = None
        if self.exchange:
            self.exchange.close()

    def freeze(self, model: str, pictures: int) -> Baseline:
        """Freeze the last answers of a detector, in its busiest lane, as its baseline.

        Args:
            model: The detector.
            pictures: How many of the last ones, at most about 2,000.

        Raises:
            TooFewPictures: There are too few.
            WeightsError: It cannot be written.
        """
        self.drain()
        with self.lock:
            others = [one.recent for one in self.exchange.watches] if self.exchange else []
            mine = [one for one in (*self.watches.values(), *others) if one.model == model]
            baseline = freeze_busiest_lane(model, mine, pictures)
        self.put(baseline)
        return baseline

    def put(self, baseline: Baseline) -> None:
        """Keep a baseline, and compare with it from now on.

        Raises:
            WeightsError: It cannot be written; then the older one stays.
            BaselineNotShared: The other gateways cannot be told.
        """
        self.store.save(baseline)
        if self.exchange:
            self.exchange.offer(baseline)
        with self.lock:
            self._follow_baselines()
        logger.info("Baseline of %s: %s", baseline.model, baseline.source)

    def drain(self) -> None:
        """Count all that was observed until now."""
        while self._count_one():
            pass

    def new_watch(self, *, model: str, lane: str, classes: tuple[str, ...]) -> Watch:
        """A watch without pictures that compares with the detector's baseline; needs `lock`.

        Args:
            model: The detector.
            lane: Its lane.
            classes: Its classes.
        """
        watch = Watch(model=model, lane=lane, classes=classes)
        self._keep_released(watch)
        self._compare(watch)
        return watch

    def state(self) -> dict[str, Any]:
        """What other gateways are told: the watches with their evidence, and the alarms."""
        with self.lock:
            watches = [
                {
                    "recent": watch.as_json(),
                    "evidence": watch.evidence,
                    "alarm": watch.alarm.as_json() if watch.alarm else None,
                }
                for watch in self.watches.values()
            ]
            return {"watches": watches, "alarms": [one.as_json() for one in self.alarms]}

    def _work(self) -> None:
        looked, is_last = 0.0, False
        while not is_last:
            is_last = self._end.wait(_PERIOD_S / max(1, len(self.observed)))
            try:
                if is_last:
                    self.drain()
                else:
                    self._count_one()
                if time.monotonic() - looked > _BASELINES_PERIOD_S:
                    looked = time.monotonic()
                    with self.lock:
                        self._follow_baselines()
            except Exception:  # a mistake here must not end the watch
                logger.exception("The monitor failed")

    def _count_one(self) -> bool:
        """Count an observation; whether there was one."""
        with self.lock:
            if not self.observed:
                return False
            seen = self.observed.popleft()
            watch = self._watch_of(seen)
            alarm = watch.add(observed_bins(seen), seen.at)
            self._metrics.count(watch, has_pixels=seen.thumbnail is not None)
            if alarm:
                self._announce(alarm)
                self._metrics.show_alarm(alarm)
            is_suspicious = any(watch.is_suspicious for watch in self.watches.values())
            self.share = 1.0 if is_suspicious else self._usual_share
        return True

    def _watch_of(self, seen: Observation) -> Watch:
        key = seen.model, seen.lane
        watch = self.watches.get(key)
        if watch is None:
            watch = self.watches[key] = self.new_watch(
                model=seen.model, lane=seen.lane, classes=seen.classes
            )
            if len(self.watches) > _MAX_WATCHES:
                _, dropped = self.watches.popitem(last=False)
                self._metrics.forget(dropped)
        self.watches.move_to_end(key)
        return watch

    def _keep_released(self, watch: Watch) -> None:
        """Freeze what a released candidate did as its baseline, where it has none."""
        before = self.watches.get((watch.model, "candidate"))
        is_released = watch.lane == "stable" and before and before.pictures >= MIN_PICTURES
        if not is_released or before is None or self.store.version(watch.model):
            return
        try:
            sketch = before.recent(before.pictures)
            source = f"the last {sketch.pictures} pictures before its release"
            self.store.save(
                Baseline.freeze(watch.model, sketch, classes=watch.classes, source=source)
            )
        except (ValueError, WeightsError) as error:
            logger.warning("No baseline of the released detector: %s", error)

    def _follow_baselines(self) -> None:
        """Take over baselines that were frozen, perhaps by another process."""
        for watch in self.watches.values():
            version = self.store.version(watch.model)
            if version != self._versions.get((watch.model, watch.lane)):
                self._compare(watch)
                self._metrics.calm(watch)

    def _compare(self, watch: Watch) -> None:
        """Compare with the baseline that is in force."""
        self._versions[watch.model, watch.lane] = self.store.version(watch.model)
        try:
            watch.compare_with(self.store.load(watch.model))
        except (ValueError, OSError) as error:
            logger.error("%s", error)
            watch.compare_with(None)

    def _announce(self, alarm: Alarm) -> None:
        if alarm.ended:
            same = next((i for i, one in enumerate(self.alarms) if one.at == alarm.at), None)
            if same is not None:
                del self.alarms[same]
        self.alarms.appendleft(alarm)
        logger.warning("Drift %s: %s", "ended" if alarm.ended else "alarm", alarm.summary)
        self._notify(alarm)
