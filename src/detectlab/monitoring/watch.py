"""The watch over one detector in one lane: recent statistics, evidence of drift, and alarms."""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from detectlab.monitoring.baseline import Baseline
from detectlab.monitoring.drift import (
    SUSPICIOUS,
    DriftTest,
    grouped,
    jensen_shannon,
    population_stability_index,
)
from detectlab.monitoring.histogram import histogram
from detectlab.monitoring.recent import BLOCK, KEPT_BLOCKS, RecentStatistics
from detectlab.monitoring.regions import Regions
from detectlab.monitoring.sketch import Sketch
from detectlab.monitoring.statistics import NAMES, STATISTICS, Indices

# Without new evidence for so many pictures, an alarm has ended.
_QUIET_PICTURES = 1000


@dataclass(frozen=True)
class Moved:
    """A statistic that moved.

    Attributes:
        name: The statistic.
        text: What it is, for people.
        direction: `"lower"`, `"higher"` or `"more often"`.
        before: Its median in the baseline; a class by its name.
        now: Its median since the change, likewise; `None` where it was not seen.
        psi: Population stability index.
        jensen_shannon: Jensen-Shannon divergence, in bits.
        histogram: Bars of both, as `histogram` gives them.
    """

    name: str
    text: str
    direction: str
    before: float | str | None
    now: float | str | None
    psi: float
    jensen_shannon: float
    histogram: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Alarm:
    """An alarm: the pictures or the answers are not of the baseline's kind any more.

    Attributes:
        model: The detector.
        lane: `"stable"`, `"candidate"`, or `"named"` for requests that name it.
        at: When there was enough evidence, ISO 8601 in UTC.
        since: When the change began, estimated, likewise.
        pictures: How many pictures it took from there.
        moved: What moved, the strongest evidence first.
        ended: When the evidence was gone, or `None`.
    """

    model: str
    lane: str
    at: str
    since: str
    pictures: int
    moved: tuple[Moved, ...]
    ended: str | None = None

    @property
    def summary(self) -> str:
        """The alarm in one sentence."""
        parts = [
            f"{one.text} is {one.direction}{_change(one.before, one.now)}" for one in self.moved
        ]
        return f"{self.model} ({self.lane}), since {self.since[:19]}: {'; '.join(parts)}."

    def as_json(self) -> dict[str, Any]:
        """The alarm as JSON."""
        return {
            **vars(self),
            "moved": [vars(one) for one in self.moved],
            "summary": self.summary,
        }


class Watch(RecentStatistics):
    """Watches the answers of one detector in one lane; arguments as for `RecentStatistics`."""

    def __init__(self, *, model: str, lane: str, classes: tuple[str, ...]) -> None:
        super().__init__(model=model, lane=lane, classes=classes)
        self.baseline: Baseline | None = None
        self.alarm: Alarm | None = None
        self._times: deque[float] = deque(maxlen=BLOCK * KEPT_BLOCKS)
        self._test: DriftTest | None = None
        self._quiet = 0

    def compare_with(self, baseline: Baseline | None) -> None:
        """Compare with a baseline from now on; an alarm about an older one is over."""
        self.baseline, self.alarm, self._changed_at = baseline, None, 0
        self._test = DriftTest(Regions.of(baseline.sketch)) if baseline else None

    def add(self, bins: Indices, at: float) -> Alarm | None:
        """Add a picture; returns an alarm that begins or ends with it.

        Args:
            bins: `(COUNT,)` bins of its statistics.
            at: When, in seconds since 1970.
        """
        self.count(bins, at)
        self._times.append(at)
        if self._test is None:
            return None
        self._quiet += 1
        if self._test.observe(bins):
            return self._raise_alarm(at)
        if self.alarm and self._quiet >= _QUIET_PICTURES:
            ended, self.alarm = replace(self.alarm, ended=iso(at)), None
            return ended
        return None

    @property
    def evidence(self) -> float:
        """The evidence of drift: an alarm from 1 on."""
        return self._test.evidence if self._test else 0.0

    @property
    def is_suspicious(self) -> bool:
        """Whether the pixels of every picture are worth a look; not during an alarm."""
        return self.alarm is None and self.evidence >= SUSPICIOUS

    def moved(self, name: str, window: Sketch, *, direction: str = "") -> Moved:
        """How far a statistic moved from the baseline.

        Args:
            name: The statistic.
            window: The statistics now.
            direction: Where to.
        """
        assert self.baseline is not None
        row = NAMES.index(name)
        old, new = grouped(self.baseline.sketch, window, name=name)
        return Moved(
            name,
            STATISTICS[row].text,
            direction,
            self.typical(self.baseline.sketch, name),
            self.typical(window, name),
            round(population_stability_index(old, new), 4),
            round(jensen_shannon(old, new), 4),
            histogram(self.baseline.sketch, window, name=name, classes=self.classes),
        )

    def typical(self, sketch: Sketch, name: str) -> float | str | None:
        """The median of a statistic, or the most frequent class by its name; `None` without any.

        Args:
            sketch: The statistics.
            name: The statistic.
        """
        row = NAMES.index(name)
        if not STATISTICS[row].is_class:
            median = sketch.quantile(name, 0.5)
            return None if median is None else float(f"{median:.3g}")
        if not sketch.counts[row].any():
            return None
        return STATISTICS[row].class_name(int(sketch.counts[row].argmax()), self.classes)

    def _raise_alarm(self, at: float) -> Alarm | None:
        """The alarm that the evidence is enough for; `None` while one is raised already."""
        assert self._test is not None
        strongest = self._test.strongest()
        self._quiet = 0
        self._test.restart()
        if self.alarm:
            return None
        age = max(1, min(max(one[2] for one in strongest), len(self._times)))
        self._changed_at = self.pictures - age
        window = self.window()
        self.alarm = Alarm(
            self.model,
            self.lane,
            iso(at),
            iso(self._times[-age]),
            age,
            tuple(
                self.moved(name, window, direction=direction) for name, direction, _ in strongest
            ),
        )
        return self.alarm


def _change(before: float | str | None, now: float | str | None) -> str:
    if isinstance(before, str):
        return f" {now} (mostly {before} before)" if now not in (before, None) else " another"
    return "" if before is None else f" ({before} before, {now} now)"


def iso(at: float) -> str:
    """A time in seconds since 1970, as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
