"""The regions of a baseline: sets of values that are rare there, and how rare at most."""

from dataclasses import dataclass
from math import lgamma, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectlab.monitoring.sketch import Sketch
from detectlab.monitoring.statistics import BINS, NAMES, NO_VALUE, STATISTICS, Floats, Indices

# Tails of a statistic with an order, as shares of the baseline, on each of its two sides.
_TAILS = (0.02, 0.1, 0.4)
# A class that makes up less than this is counted with the others.
_MIN_CLASS_SHARE = 0.01
# Probability that a region's limit is below its true probability, over baselines.
_CONFIDENCE = 1e-4
_MAX_LIMIT = 0.95


class _Region(NamedTuple):
    row: int
    direction: str
    members: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Regions:
    """Sets of values of the statistics; a picture of the baseline's kind falls into each rarely.

    Attributes:
        rows: `(M,)` the statistic of each, an index of `STATISTICS`.
        directions: What a surplus in each means: `"lower"`, `"higher"` or `"more often"`.
        members: `(M, BINS)` bool: which bins belong to each.
        limits: `(M,)` upper bounds of the probability of each, in `(0, 1)`.
    """

    rows: NDArray[np.int64]
    directions: tuple[str, ...]
    members: NDArray[np.bool_]
    limits: Floats

    @classmethod
    def of(cls, baseline: Sketch) -> "Regions":
        """The regions of a baseline, from 2 % tails to single classes."""
        regions = [
            region
            for row, statistic in enumerate(STATISTICS)
            if baseline.counts[row].any()
            for region in (_classes if statistic.is_class else _tails)(row, baseline.counts[row])
        ]
        seen = baseline.seen()
        limits = np.array(
            [
                upper_bound(int(baseline.counts[r.row][r.members].sum()), int(seen[r.row]))
                for r in regions
            ]
        )
        is_useful = limits < _MAX_LIMIT
        kept = [region for region, useful in zip(regions, is_useful, strict=True) if useful]
        return cls(
            np.array([region.row for region in kept], np.int64),
            tuple(region.direction for region in kept),
            np.array([region.members for region in kept], bool).reshape(-1, BINS),
            limits[is_useful],
        )

    def hits(self, bins: Indices) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether a picture falls into each region, and whether it has that statistic, `(M,)`."""
        mine = bins[self.rows]
        has_value = mine != NO_VALUE
        return self.members[np.arange(len(mine)), mine] & has_value, has_value

    @property
    def is_silence(self) -> NDArray[np.bool_]:
        """Which of them hold the pictures without objects, and no others, `(M,)`."""
        only_first = self.members[:, 0] & (self.members.sum(axis=1) == 1)
        is_silence: NDArray[np.bool_] = only_first & (self.rows == NAMES.index("objects"))
        return is_silence

    def name(self, index: int) -> str:
        """The statistic of a region."""
        return NAMES[int(self.rows[index])]


def _tails(row: int, counts: NDArray[np.int64]) -> list[_Region]:
    """Both tails of a statistic, of several sizes; and what the baseline never reached."""
    places, running = np.arange(BINS), counts.cumsum()
    total = running[-1]
    lasts = {int(np.searchsorted(running, tail * total, "right")) - 1 for tail in _TAILS}
    firsts = {int(np.searchsorted(running, (1 - tail) * total, "left")) + 1 for tail in _TAILS}
    # A statistic with few values may have no small tail: then its first value is one.
    lasts.add(int(np.flatnonzero(counts)[0]))
    lower = [_Region(row, "lower", places <= last) for last in sorted(lasts) if last >= 0]
    higher = [_Region(row, "higher", places >= first) for first in sorted(firsts) if first < BINS]
    return lower + higher


def _classes(row: int, counts: NDArray[np.int64]) -> list[_Region]:
    """Each class that is not rare, and all others together."""
    usual = counts >= max(1, _MIN_CLASS_SHARE * counts.sum())
    singles = np.eye(BINS, dtype=bool)[usual]
    return [_Region(row, "more often", members) for members in (*singles, ~usual)]


def upper_bound(count: int, total: int, *, miss: float = _CONFIDENCE) -> float:
    """The upper end of the exact interval of a probability (Clopper and Pearson, 1934).

    Args:
        count: How often it was observed.
        total: Of how many.
        miss: Probability that the bound is too low.

    >>> round(upper_bound(0, 100, miss=0.05), 4)
    0.0295
    """
    if count >= total:
        return 1.0
    k = np.arange(count + 1)
    ways = np.array([lgamma(total + 1) - lgamma(i + 1) - lgamma(total - i + 1) for i in k])
    low, high = count / total, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        logs = ways + k * log(middle) + (total - k) * log(1 - middle) if middle < 1 else ways - 1e9
        is_likely = np.exp(logs).sum() > miss
        low, high = (middle, high) if is_likely else (low, middle)
    return high
