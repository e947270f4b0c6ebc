"""The size of a canary: how many answers and hours its steps take, and what it would notice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectlab.sequential_test import SequentialTest

_HOUR_S = 3600
_MAX_ANSWERS = 3000
_RUNS = 300
# A good candidate: bad answers as a share of the limit.
_GOOD = 0.2
MULTIPLES = (1, 2, 5)


@dataclass(frozen=True)
class StepSize:
    """What one step of a canary takes, and what it notices.

    Attributes:
        share: Share of the clients, in `[0, 1]`.
        answers_per_s: Answers of the candidate in a second.
        hours: Time that a good candidate takes until a guard rail says go, in hours (median), and
            at least the plan's `step_every_s`; `None` when it takes more than 3,000 answers.
        stopped: Chance of a candidate at the limit, at twice and at five times the limit to be
            stopped within an hour, or within 3,000 answers when that is less.
    """

    share: float
    answers_per_s: float
    hours: float | None
    stopped: tuple[float, ...]


def size_plan(
    *,
    limit: float,
    requests_per_s: float,
    steps: Sequence[float],
    step_every_s: float = 0.0,
    rails: int = 3,
    alpha: float = 0.05,
    beta: float = 0.05,
) -> list[StepSize]:
    """The size of each step of a canary, simulated with the tests of the guard rails.

    Args:
        limit: Limit of the guard rail, such as `max_error_rate`.
        requests_per_s: Requests of all clients in a second.
        steps: Shares of the clients, in `(0, 1]`.
        step_every_s: Shortest time of a step.
        rails: Number of guard rails that share `alpha`.
        alpha: As in the plan's `guard_rails`.
        beta: As in the plan's `guard_rails`.
    """

    def test() -> SequentialTest:
        return SequentialTest(limit, alpha=alpha / rails, beta=beta, runs=_RUNS)

    sizes = []
    for share in steps:
        rate = requests_per_s * share
        hour = min(_MAX_ANSWERS, round(_HOUR_S * rate))
        stopped = tuple(
            float(np.isfinite(_first(test(), "stop", multiple * limit, rate, hour)).mean())
            for multiple in MULTIPLES
        )
        went = _first(test(), "go", _GOOD * limit, rate, _MAX_ANSWERS)
        seconds = float(np.median(went))
        hours = max(step_every_s, seconds) / _HOUR_S if np.isfinite(seconds) else None
        sizes.append(StepSize(share, rate, hours, stopped))
    return sizes


def _first(
    test: SequentialTest, verdict: str, bad_rate: float, answers_per_s: float, answers: int
) -> NDArray[np.float64]:
    """When each run of a test reached a verdict, in seconds; infinite when it did not."""
    rng = np.random.default_rng(0)
    first = np.full(_RUNS, np.inf)
    for number in range(1, answers + 1):
        at = number / answers_per_s
        test.observe(rng.random(_RUNS) < bad_rate, at=at)
        first[getattr(test, verdict) & np.isinf(first)] = at
        if np.isfinite(first).all():
            break
    return first
