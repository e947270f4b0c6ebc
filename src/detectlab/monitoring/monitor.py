"""The monitor: takes what the service observed, off the path of its requests, and raises alarms."""

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from detectlab.models.atomic_files import WeightsError
from detectlab.monitoring.baseline import MIN_PICTURES, Baseline, BaselineStore, TooFewPictures
from detectlab.monitoring.metrics import MonitoringMetrics
from detectlab.monitoring.statistics import (
    COUNT,
    PICTURE,
    Floats,
    answer_statistics,
    bins_of,
    picture_statistics,
)
from detectlab.monitoring.watch import Alarm, Watch
from detectlab.serving.observation import Observation, open_queue

logger = logging.getLogger(__name__)

_PERIOD_S = 0.25
# Few at once, and a pause: requests must not wait for the interpreter's lock.
_AT_ONCE, _PAUSE_S = 4, 0.0005
_BASELINES_PERIOD = 20  # periods between two looks at the files of the baselines
_MAX_WATCHES = 8
_KEPT_ALARMS = 50


class Monitor:
    """Watches the answers of a service; thread-safe.

    Args:
        folder: Where baselines are kept.
        metrics: Shows what is watched.
        notify: Told about each alarm that begins or ends.

    Attributes:
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
    ) -> None:
        self.store = BaselineStore(folder)
        self.alarms: deque[Alarm] = deque(maxlen=_KEPT_ALARMS)
        self.lock = threading.Lock()
        self.watches: OrderedDict[tuple[str, str], Watch] = OrderedDict()
        self.observed = open_queue(is_watched=True)
        self._metrics, self._notify = metrics, notify
        self._versions: dict[str, int] = {}
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Start watching."""
        self._end.clear()
        self._thread = threading.Thread(target=self._work, name="monitoring", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching, once all that was observed is counted."""
        self._end.set()
        if self._thread:
            self._thread.join()
            self._thread = None

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
            mine = [watch for watch in self.watches.values() if watch.model == model]
            if not mine:
                raise TooFewPictures(
                    f"Nothing was observed of {model} yet. Send it pictures, or freeze a baseline "
                    "from a folder: `detectlab monitor baseline --photos FOLDER`."
                )
            watch = max(mine, key=lambda watch: watch.pictures)
            sketch = watch.recent(pictures)
            source = f"the last {sketch.pictures} pictures of lane {watch.lane}"
            baseline = Baseline.freeze(model, sketch, classes=watch.classes, source=source)
        self.put(baseline)
        return baseline

    def put(self, baseline: Baseline) -> None:
        """Keep a baseline, and compare with it from now on.

        Raises:
            WeightsError: It cannot be written; then the older one stays.
        """
        self.store.save(baseline)
        with self.lock:
            self._follow_baselines()
        logger.info("Baseline of %s: %s", baseline.model, baseline.source)

    def drain(self) -> None:
        """Count all that was observed until now."""
        while self._count_some():
            pass

    def _work(self) -> None:
        periods, is_last = 0, False
        while not is_last:
            is_last = self._end.wait(_PERIOD_S)
            try:
                while self._count_some():
                    time.sleep(_PAUSE_S)
                if periods % _BASELINES_PERIOD == 0:
                    with self.lock:
                        self._follow_baselines()
                periods += 1
            except Exception:  # a mistake here must not end the watch
                logger.exception("The monitor failed")

    def _count_some(self) -> bool:
        """Count a few observations; whether there may be more."""
        with self.lock:
            taken = [self.observed.popleft() for _ in range(min(len(self.observed), _AT_ONCE))]
            if not taken:
                return False
            for seen, bins in zip(taken, bins_of(np.array([*map(_values, taken)])), strict=True):
                watch = self._watch_of(seen)
                alarm = watch.add(bins, seen.at)
                self._metrics.count(watch, has_pixels=seen.thumbnail is not None)
                if alarm:
                    self._announce(alarm)
                    self._metrics.show_alarm(alarm)
        return True

    def _watch_of(self, seen: Observation) -> Watch:
        key = seen.model, seen.lane
        watch = self.watches.get(key)
        if watch is None:
            watch = Watch(model=seen.model, lane=seen.lane, classes=seen.classes)
            self._keep_released(watch)
            watch.compare_with(self._baseline_of(seen.model))
            self.watches[key] = watch
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
            if self.store.version(watch.model) != self._versions.get(watch.model):
                baseline = self._baseline_of(watch.model)
                for same in self.watches.values():
                    if same.model == watch.model:
                        same.compare_with(baseline)
                        self._metrics.calm(same)

    def _baseline_of(self, model: str) -> Baseline | None:
        self._versions[model] = self.store.version(model)
        try:
            return self.store.load(model)
        except (ValueError, OSError) as error:
            logger.error("%s", error)
            return None

    def _announce(self, alarm: Alarm) -> None:
        if alarm.ended:
            same = next((i for i, one in enumerate(self.alarms) if one.at == alarm.at), None)
            if same is not None:
                del self.alarms[same]
        self.alarms.appendleft(alarm)
        logger.warning("Drift %s: %s", "ended" if alarm.ended else "alarm", alarm.summary)
        self._notify(alarm)


def _values(seen: Observation) -> Floats:
    values = np.full(COUNT, np.nan)
    if seen.thumbnail is not None:
        values = picture_statistics(seen.thumbnail, seen.size_wh, seen.file_bytes)
    if seen.detections is not None:
        answer = answer_statistics(seen.detections, seen.size_wh)
        values = np.where(PICTURE, values, answer)
    return values
