"""Drift: distances that are shown, and evidence that stays valid however often one looks.

Each region of a baseline (`regions`) is a set of values whose probability has an upper bound. Bets
that a region is hit more often gain capital only when it is. A new bet starts at each picture, so
that a change is found whenever it happens, and the mean capital of all bets is compared with one
threshold: while the pictures are of the baseline's kind, an alarm is expected after no fewer
pictures than the threshold (E-detectors: Shin, Ramdas, Rinaldo, 2022).

Why: let `S` be the mean capital, with stakes that are fixed beforehand and sum to 1. Before each
picture every bet gains one unit; the picture multiplies each capital by a factor whose mean, given
all that came before, is at most 1, whatever the other statistics of the picture are. So `S_n - n`
falls on average (a supermartingale), and at the time `A` of an alarm `E[A] >= E[S_A] >=` threshold.
Which statistics a picture has may depend on earlier pictures: a statistic that is not there has the
factor 1. So the pixels of all pictures may be looked at from a suspicion on (`SUSPICIOUS`).
"""

import numpy as np
from numpy.typing import NDArray

from detectlab.monitoring.regions import Regions
from detectlab.monitoring.sketch import Sketch
from detectlab.monitoring.statistics import NAMES, STATISTICS, Floats, Indices
from detectlab.sequential_test import bet_factors

# Expected pictures from one false alarm to the next, at least: twice the promise.
THRESHOLD = 20_000.0
# The share of that evidence from which on it pays to look at the pixels of every picture.
SUSPICIOUS = 0.001
_MAX_CAPITAL = 1e300
# Alternatives, as multiples of the odds of a region's limit.
_MULTIPLES = np.array([2.0, 4, 8, 16, 100])
_GROUPS = 10
# Stake of the bet that no picture has objects any more: a detector that fails does that.
_STAKE_ON_SILENCE = 0.1


class DriftTest:
    """Evidence that pictures are not of the baseline's kind any more.

    Args:
        regions: The regions of the baseline.
    """

    def __init__(self, regions: Regions) -> None:
        self.regions = regions
        won, lost = bet_factors(regions.limits, _MULTIPLES[:, None])
        self._won, self._lost = (won, np.log(won)), (lost, np.log(lost))
        self._stakes = _stakes(regions)
        self.restart()

    def restart(self) -> None:
        """Forget all evidence."""
        self.pictures = 0
        self._capital: Floats = np.zeros((len(_MULTIPLES), len(self.regions.limits)))
        self._sum: Floats = np.zeros_like(self._capital)
        self._began = np.zeros(self._capital.shape, np.int64)

    def observe(self, bins: Indices) -> bool:
        """Weigh one picture; whether the evidence is enough for an alarm.

        Args:
            bins: `(COUNT,)` bins of its statistics; `NO_VALUE` is no evidence.
        """
        self.pictures += 1
        hits, has_value = self.regions.hits(bins)
        is_lost = has_value & ~hits
        # A region whose statistic this picture does not have keeps its capital: the factor is 1.
        self._capital += has_value
        for won, (factor, log_factor) in ((hits, self._won), (is_lost, self._lost)):
            np.multiply(self._capital, factor, out=self._capital, where=won)
            np.add(self._sum, log_factor, out=self._sum, where=won)
        np.minimum(self._capital, _MAX_CAPITAL, out=self._capital)
        np.maximum(self._sum, 0, out=self._sum)
        np.copyto(self._began, self.pictures, where=self._sum == 0)
        return self.evidence >= 1

    @property
    def capital(self) -> Floats:
        """The capital of each region, `(M,)`: about 1 or less without drift."""
        mean: Floats = self._capital.mean(axis=0)
        return mean

    @property
    def evidence(self) -> float:
        """The mean capital as a share of the threshold; an alarm from 1 on."""
        return float((self._capital * self._stakes).sum()) / THRESHOLD

    def strongest(self, most: int = 3) -> list[tuple[str, str, int]]:
        """What moved: statistics with their direction, and how many pictures ago it began.

        Args:
            most: How many statistics, at most; one is named when its evidence alone is strong.
        """
        found: dict[str, tuple[str, str, int]] = {}
        for index in np.argsort(-self.capital, kind="stable"):
            name = self.regions.name(index)
            if len(found) == most or (found and self.capital[index] < THRESHOLD**0.5):
                break
            # Where the cumulative sum of the strongest bet left zero (CUSUM; Page, 1954).
            bet = self._sum[:, index].argmax()
            age = int(self.pictures - self._began[bet, index])
            found.setdefault(name, (name, self.regions.directions[index], age))
        return list(found.values())


def _stakes(regions: Regions) -> Floats:
    """The stakes of all bets, of the shape of their capital: equal ones on each statistic."""
    rows, place, counts = np.unique(regions.rows, return_inverse=True, return_counts=True)
    stakes: Floats = np.ones((len(_MULTIPLES), len(place))) / counts[place]
    stakes /= len(_MULTIPLES) * max(1, len(rows))
    silence = np.flatnonzero(regions.is_silence)
    if len(silence):
        stakes *= 1 - _STAKE_ON_SILENCE
        stakes[-1, silence] += _STAKE_ON_SILENCE / len(silence)
    return stakes


def grouped(baseline: Sketch, now: Sketch, *, name: str) -> tuple[Floats, Floats]:
    """The shares of a statistic's groups in two sketches.

    Groups are tenths of the baseline, or classes; half a picture is added to each, so that none is
    empty.

    Args:
        baseline: Decides on the groups.
        now: Compared with it.
        name: The statistic.

    Returns:
        Two arrays of `(G,)` shares, each with the sum 1.
    """
    row = NAMES.index(name)
    old, new = baseline.counts[row], now.counts[row]
    if STATISTICS[row].is_class:
        used = (old + new) > 0
        return _shares(old[used]), _shares(new[used])
    running = old.cumsum()
    tenths = np.arange(1, _GROUPS) / _GROUPS * max(1, running[-1])
    edges = np.unique(np.searchsorted(running, tenths, "left") + 1)
    edges = np.concatenate([[0], edges[edges < len(old)]])
    return _shares(np.add.reduceat(old, edges)), _shares(np.add.reduceat(new, edges))


def _shares(counts: NDArray[np.int64]) -> Floats:
    smoothed = counts.astype(np.float64) + 0.5
    shares: Floats = smoothed / smoothed.sum()
    return shares


def population_stability_index(old: Floats, new: Floats) -> float:
    """The population stability index; below 0.1 is called stable, above 0.25 a shift.

    Args:
        old: `(G,)` shares of the baseline, all above 0.
        new: `(G,)` shares now, likewise.

    >>> round(population_stability_index(np.array([0.5, 0.5]), np.array([0.9, 0.1])), 3)
    0.879
    """
    return float(((new - old) * np.log(new / old)).sum())


def jensen_shannon(old: Floats, new: Floats) -> float:
    """The Jensen-Shannon divergence in bits: 0 for equal distributions, 1 for disjoint ones.

    Args:
        old: `(G,)` shares of the baseline, all above 0.
        new: `(G,)` shares now, likewise.
    """
    middle = (old + new) / 2
    return float((old * np.log2(old / middle) + new * np.log2(new / middle)).sum() / 2)
