"""Sketches: counts of the statistics of many pictures, of fixed size, that can be added up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectlab.monitoring.statistics import BINS, COUNT, NAMES, STATISTICS, Floats, Indices

_MAX_COUNT = 10**12
_ROWS = np.arange(COUNT)


def _no_counts() -> NDArray[np.int64]:
    return np.zeros((COUNT, BINS), np.int64)


@dataclass(eq=False)
class Sketch:
    """How often each statistic fell into each of its bins.

    Attributes:
        counts: `(COUNT, BINS)` int64.
        pictures: How many pictures were added.
    """

    counts: NDArray[np.int64] = field(default_factory=_no_counts)
    pictures: int = 0

    def add(self, bins: Indices) -> None:
        """Count one picture: `(COUNT,)` bins, as `bins_of` gives them."""
        seen = bins >= 0
        self.counts[_ROWS[seen], bins[seen]] += 1
        self.pictures += 1

    @classmethod
    def of_pictures(cls, pictures: Sequence[Indices]) -> "Sketch":
        """The sketch of the bins of some pictures, each `(COUNT,)`."""
        sketch = cls(pictures=len(pictures))
        if pictures:
            bins = np.array(pictures)
            seen = bins >= 0
            np.add.at(sketch.counts, (np.broadcast_to(_ROWS, bins.shape)[seen], bins[seen]), 1)
        return sketch

    def __add__(self, other: "Sketch") -> "Sketch":
        return Sketch(self.counts + other.counts, self.pictures + other.pictures)

    def seen(self) -> NDArray[np.int64]:
        """How many values of each statistic were counted, `(COUNT,)`."""
        total: NDArray[np.int64] = self.counts.sum(axis=1)
        return total

    def quantile(self, name: str, share: float) -> float | None:
        """A quantile of a statistic, to the width of its bins; `None` where none was counted.

        Args:
            name: The statistic.
            share: In `[0, 1]`; 0.5 is the median.
        """
        row = NAMES.index(name)
        running = self.counts[row].cumsum()
        if not running[-1]:
            return None
        index = int(np.searchsorted(running, max(1, share * running[-1])))
        return STATISTICS[row].value_at(index)

    def mean(self, name: str) -> float | None:
        """The mean of a statistic, to the width of its bins; `None` where none was counted."""
        row = NAMES.index(name)
        counts = self.counts[row]
        values: Floats = np.array([STATISTICS[row].value_at(index) for index in range(BINS)])
        return float((counts * values).sum() / counts.sum()) if counts.any() else None

    def as_json(self) -> dict[str, Any]:
        """The counts by name of the statistic, without the empty bins."""
        rows = {
            name: {str(index): int(row[index]) for index in np.flatnonzero(row)}
            for name, row in zip(NAMES, self.counts, strict=True)
        }
        return {"pictures": self.pictures, "counts": rows}

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> "Sketch":
        """The sketch of `as_json`; statistics of another version are left out.

        Raises:
            ValueError: The data are no sketch.
        """
        sketch = cls()
        try:
            sketch.pictures = int(data["pictures"])
            for row, name in enumerate(NAMES):
                for index, count in data["counts"].get(name, {}).items():
                    if not 0 <= count <= _MAX_COUNT:
                        raise ValueError
                    sketch.counts[row, int(index)] = count
        except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError):
            raise ValueError("This is no sketch of statistics.") from None
        return sketch
