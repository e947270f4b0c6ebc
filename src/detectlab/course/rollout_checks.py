"""Checks for the exercises of the rollout notebook."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from detectlab.course.server_checks import correct, not_yet
from detectlab.rollout.guard import Guard, StableLatency
from detectlab.rollout.plan import GuardRails, RolloutPlan
from detectlab.rollout.plan_file import explain
from detectlab.rollout.rails.base import Observation

_KEYS = [f"client-{number}" for number in range(5000)]


def check_sticky_share(takes_candidate: Callable[[str, float], object]) -> None:
    """Check a function of a key and a share that says whether the candidate answers."""
    chosen: dict[float, set[str]] = {}
    for share in (0.1, 0.5):
        try:
            twice = [{key for key in _KEYS if takes_candidate(key, share)} for _ in range(2)]
        except Exception as error:  # whatever a learner's first attempt raises
            not_yet(f"your function fails with {type(error).__name__}: {error}")
            return
        if twice[0] != twice[1]:
            not_yet("the same client was sent to the other side when it asked again")
            return
        chosen[share] = twice[0]
        if abs(len(twice[0]) / len(_KEYS) - share) > 0.02:
            not_yet(f"a share of {share:.0%} gave {len(twice[0]) / len(_KEYS):.1%} of the clients")
            return
    if not chosen[0.1] <= chosen[0.5]:
        not_yet("some clients left the candidate when the share grew from 10% to 50%")
        return
    correct("10% of 5000 clients, always the same ones, and all of them among the 50%")


def check_guard_rails(rails: Mapping[str, Any]) -> None:
    """Check rails that stop a candidate which often disagrees, and not one that seldom does."""
    try:
        parsed = GuardRails.model_validate(rails)
    except ValidationError as error:
        not_yet(explain(error))
        return
    bad, good = (Guard(parsed, StableLatency()) for _ in range(2))
    for number in range(2000):
        _compare(bad, number, agrees=number % 2 == 0)
        _compare(good, number, agrees=number % 20 != 7)
    if bad.stop_reason() is None:
        not_yet("a candidate that disagrees about every second picture is not stopped")
    elif good.stop_reason() is not None:
        not_yet("a candidate that disagrees about 1 picture of 20 is stopped, too")
    else:
        correct("Half of the pictures is too much, one of twenty is not")


def _compare(guard: Guard, number: int, *, agrees: bool) -> None:
    observation = Observation(
        "comparison", "candidate", f"client-{number}", float(number), agrees=agrees
    )
    guard.observe(observation)


def check_rollout_plan(plan: Mapping[str, Any]) -> None:
    """Check a plan of the learner's own: it begins carefully and can be stopped."""
    try:
        parsed = RolloutPlan.model_validate(plan)
    except ValidationError as error:
        not_yet(explain(error))
        return
    rails = parsed.guard_rails
    if parsed.mode not in ("shadow", "canary"):
        not_yet(f"begin with a shadow or a canary. Yours begins with {parsed.mode}")
    elif parsed.canary.steps[0] > 0.05 or parsed.canary.share > 0.05:
        not_yet("begin with at most 5% of the clients, in `steps` and in `share`")
    elif len(parsed.canary.steps) < 3:
        not_yet(f"take at least three steps. Yours takes {len(parsed.canary.steps)}")
    elif None in (rails.max_error_rate, rails.max_disagreement):
        not_yet("let the rails watch the errors and the disagreement")
    else:
        correct("It begins small, climbs in steps, and stops by itself")
