"""The recent statistics of one detector in one lane, of bounded size."""

import time
from collections import deque
from typing import Any

import numpy as np

from detectlab.monitoring.sketch import Sketch
from detectlab.monitoring.statistics import NAMES, Indices

BLOCK = 100  # pictures
KEPT_BLOCKS = 20
WINDOW = 500  # pictures: what is called "now"


class RecentStatistics:
    """The statistics of the last pictures; not thread-safe.

    Args:
        model: The detector.
        lane: Its lane.
        classes: Its classes.

    Attributes:
        pictures: How many pictures were added.
        timeline: The last whole blocks of pictures, each with when it began.
    """

    def __init__(self, *, model: str, lane: str, classes: tuple[str, ...]) -> None:
        self.model, self.lane, self.classes = model, lane, classes
        self.pictures = 0
        self.timeline: deque[tuple[float, Sketch]] = deque(maxlen=KEPT_BLOCKS)
        self._block, self._began = Sketch(), time.time()
        self._last: deque[Indices] = deque(maxlen=WINDOW)
        self._changed_at = 0

    def count(self, bins: Indices, at: float) -> None:
        """Count a picture.

        Args:
            bins: `(COUNT,)` bins of its statistics.
            at: When, in seconds since 1970.
        """
        self.pictures += 1
        self._last.append(bins)
        self._block.add(bins)
        if self._block.pictures == BLOCK:
            self.timeline.append((self._began, self._block))
            self._block, self._began = Sketch(), at

    def recent(self, pictures: int) -> Sketch:
        """The statistics of the last pictures; of more than `WINDOW`, to the next whole block.

        Args:
            pictures: How many; at most about 2,000 are there.
        """
        if pictures <= WINDOW:
            return Sketch.of_pictures(list(self._last)[-pictures:] if pictures else [])
        total = self._block + Sketch()
        for _, block in reversed(self.timeline):
            if total.pictures >= pictures:
                break
            total = total + block
        return total

    def window(self) -> Sketch:
        """The statistics now: of the last pictures, but of none before the last change."""
        return self.recent(min(WINDOW, self.pictures - self._changed_at))

    def as_json(self) -> dict[str, Any]:
        """All of it, for another process."""
        return {
            "model": self.model,
            "lane": self.lane,
            "classes": list(self.classes),
            "pictures": self.pictures,
            "changed_at": self._changed_at,
            "statistics": NAMES,
            "last": [bins.tolist() for bins in self._last],
            "timeline": [[at, block.as_json()] for at, block in self.timeline],
            "block": self._block.as_json(),
        }

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> "RecentStatistics":
        """The statistics of `as_json`.

        Raises:
            ValueError: They are of another version.
        """
        if data.get("statistics") != list(NAMES):
            raise ValueError("These statistics are of another version.")
        recent = RecentStatistics(
            model=data["model"], lane=data["lane"], classes=tuple(data["classes"])
        )
        recent.pictures, recent._changed_at = data["pictures"], data["changed_at"]
        recent._last.extend(np.array(data["last"], np.int16))
        recent.timeline.extend((at, Sketch.of_json(block)) for at, block in data["timeline"])
        recent._block = Sketch.of_json(data["block"])
        return recent
