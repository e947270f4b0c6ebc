"""Evidence about a rate: sequential tests that stay valid however often one looks at them.

Each observation is bad or good, and a limit q is the allowed probability of a bad one. A bet on the
alternative p multiplies its capital with p/q at a bad observation and with (1-p)/(1-q) at a good
one. While the probability of a bad observation is at most q, whatever happened before, a capital is
not expected to grow, so a large one is evidence against the limit.

Source: an e-detector with a mixture of alternatives (Shin, Ramdas, Rinaldo: E-detectors, 2022), and
Ville's inequality for nonnegative supermartingales.
"""

import math
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_S = 300.0
_HOUR_S = 3600.0
_MAX_LIMIT = 0.9
_MAX_CAPITAL = 1e300
_MAX_LOG = 700.0
# Alternatives, as multiples of the odds of the limit.
_ABOVE = np.array([1.5, 2, 3, 5, 10, 30, 100, 1000])
_BELOW = np.array([0.7, 0.5, 0.3, 0.1, 0.01])

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class SequentialTest:
    """Whether a rate is above its limit (stop), below it (go), or not known yet (neither).

    With a rate at most at the limit, `stop` comes true within an hour with a probability of at most
    `alpha`. With a rate at or above the limit, `go` comes true with a probability of at most `beta`
    after each restart.

    Args:
        limit: The allowed probability of a bad observation, in `(0, 1)`.
        alpha: Probability of a false stop within an hour.
        beta: Probability of a false go.
        runs: How many tests run side by side; more than one is for simulations.
    """

    def __init__(self, limit: float, *, alpha: float, beta: float, runs: int = 1) -> None:
        self.limit = limit
        self._threshold = _HOUR_S / BLOCK_S / alpha
        self._log_go = math.log(1 / beta)
        self._runs = runs
        self._block: float | None = None
        self._capital = np.zeros((len(_ABOVE), runs))
        self._above = bet_factors(limit, _ABOVE[:, None])
        self._below = tuple(np.log(factor)[:, None] for factor in bet_factors(limit, _BELOW))
        self.restart_go()

    def restart_go(self) -> None:
        """Forget the evidence for `go`: each step of a ramp has to earn it."""
        self._log_below: Floats = np.zeros((len(_BELOW), self._runs))

    def observe(self, bad: bool | Bools, *, at: float, baseline: float | Floats = 0.0) -> None:
        """Weigh one observation of each run.

        Args:
            bad: Whether it is bad; of shape `(runs,)` in a simulation.
            at: When, in seconds.
            baseline: The share of bad observations elsewhere at this time, known before: the limit
                of `stop` is raised to it. From 0.9 on the observation is no evidence for `stop`.
        """
        if self._block != at // BLOCK_S:
            # A new bet in each block with traffic: idle hours are no evidence.
            self._block = at // BLOCK_S
            self._capital += 1 / len(_ABOVE)
        won, lost = self._above
        if np.any(baseline > self.limit):
            limit = np.minimum(_MAX_LIMIT, np.maximum(self.limit, baseline))
            won, lost = (
                np.where(limit < _MAX_LIMIT, factor, 1.0)
                for factor in bet_factors(limit, _ABOVE[:, None])
            )
        self._capital = np.minimum(self._capital * np.where(bad, won, lost), _MAX_CAPITAL)
        self._log_below += np.where(bad, *self._below)

    @property
    def stop(self) -> Bools:
        """Whether the rate is above the limit, of shape `(runs,)`."""
        above: Bools = self._capital.sum(0) >= self._threshold
        return above

    @property
    def go(self) -> Bools:
        """Whether the rate is below the limit, of shape `(runs,)`."""
        return self._log_mean(0) >= self._log_go

    def missing(self) -> int:
        """How many more good observations `go` takes in the first run; 0 when it is true."""
        high = 1
        while self._log_mean(high)[0] < self._log_go:
            high *= 2
        low = 0
        while low < high:
            middle = (low + high) // 2
            if self._log_mean(middle)[0] >= self._log_go:
                high = middle
            else:
                low = middle + 1
        return low

    def _log_mean(self, more: int) -> Floats:
        """Logarithm of the capital for `go` after `more` good observations, `(runs,)`."""
        logs = self._log_below + more * self._below[1]
        top = logs.max(0)
        mean: Floats = top + np.log(np.exp(np.maximum(logs - top, -_MAX_LOG)).mean(0))
        return mean


def bet_factors(limit: float | Floats, multiples: Floats) -> tuple[Floats, Floats]:
    """What bets multiply their capital by, at a bad and at a good observation.

    Args:
        limit: The allowed probability of a bad observation, in `(0, 1)`.
        multiples: The alternative of each bet, as a multiple of the odds of the limit.

    Returns:
        Both factors, of the shape of `limit` and `multiples` broadcast against each other.
    """
    odds = limit / (1 - limit) * multiples
    p = odds / (1 + odds)
    return p / limit, (1 - p) / (1 - limit)


class RecentShare:
    """The share of bad observations lately, as an upper bound.

    The largest bound of several windows: short ones notice at once that everything begins to fail,
    the long one is precise. Nothing that is older than two minutes counts.

    Args:
        runs: As for `SequentialTest`.
    """

    _PERIOD_S = 15.0
    _COUNTS = (3, 10, 30)
    _OLDEST_S = 120.0

    def __init__(self, runs: int = 1) -> None:
        self._in_period: deque[tuple[float, Any]] = deque()
        self._bad_in_period = np.zeros(runs)
        self._last: deque[tuple[float, Any]] = deque(maxlen=max(self._COUNTS))

    def observe(self, bad: bool | Bools, *, at: float) -> None:
        """Add an observation.

        Args:
            bad: Whether it is bad; of shape `(runs,)` in a simulation.
            at: When, in seconds.
        """
        self._in_period.append((at, bad))
        self._bad_in_period += bad
        self._last.appendleft((at, bad))

    def is_known(self, at: float) -> bool:
        """Whether anything was observed in the last two minutes.

        Args:
            at: The time now, in seconds.
        """
        return bool(self._last) and at - self._last[0][0] <= self._OLDEST_S

    def upper_bound(self, at: float) -> Floats:
        """The share plus two standard errors, `(runs,)`; 0 when none is bad.

        Args:
            at: The time now, in seconds.
        """
        if not self.is_known(at):
            return np.zeros_like(self._bad_in_period)
        while self._in_period and at - self._in_period[0][0] > self._PERIOD_S:
            self._bad_in_period -= self._in_period.popleft()[1]
        bounds = [_upper_bound(self._bad_in_period, len(self._in_period))]
        last = [bad for when, bad in self._last if at - when <= self._OLDEST_S]
        bad = np.cumsum(np.reshape(last, (len(last), self._bad_in_period.size)), axis=0)
        counts = [count for count in self._COUNTS if count < len(last)]
        bounds += [_upper_bound(bad[count - 1], count) for count in (*counts, len(last)) if count]
        bound: Floats = np.max(bounds, axis=0)
        return bound


def _upper_bound(bad: Floats, count: int) -> Floats:
    share = bad / max(1, count)
    bound: Floats = share + 2 * np.sqrt(share * (1 - share) / max(1, count))
    return bound


def wilson_interval(bad: int, seen: int) -> tuple[float, float]:
    """The 95 % interval of a rate (Wilson, 1927).

    Args:
        bad: Number of bad observations.
        seen: Number of all observations.

    >>> tuple(round(end, 3) for end in wilson_interval(1, 10))
    (0.018, 0.404)
    """
    if not seen:
        return 0.0, 1.0
    z, share = 1.96, bad / seen
    centre = (share + z * z / (2 * seen)) / (1 + z * z / seen)
    half = z / (1 + z * z / seen) * math.sqrt(share * (1 - share) / seen + (z / (2 * seen)) ** 2)
    return max(0.0, centre - half), min(1.0, centre + half)
