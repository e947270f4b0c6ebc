"""Checks for the exercises of the notebook about rollouts."""

import builtins
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from detectlab.course.verdicts import NotYet, answer_of, exercise_check, number_of, shown
from detectlab.rollout.guard import Guard, StableLatency
from detectlab.rollout.plan import GuardRails, RolloutPlan
from detectlab.rollout.plan_file import explain
from detectlab.rollout.rails.base import Observation

_KEYS = [f"client-{number}" for number in range(5000)]
_COMPARED = 2000
_ANSWERS: tuple[list[bool], ...] = (
    [],
    [True],
    [True, True, True],
    [False, False],
    [True, False, False, True, False],
)


@exercise_check
def check_sticky_share(takes_candidate: Callable[[str, float], object]) -> str:
    """Check a function of a key and a share that says whether the candidate answers."""
    chosen = {share: _chosen(takes_candidate, share) for share in (0.1, 0.5)}
    if not chosen[0.1] <= chosen[0.5]:
        raise NotYet("some clients left the candidate when the share grew from 10% to 50%")
    if _chosen(takes_candidate, 0) or len(_chosen(takes_candidate, 1)) < len(_KEYS):
        raise NotYet("a share of 0 should give no client, and a share of 1 all of them")
    return "10% of 5000 clients, always the same ones, and all of them among the 50%"


def _chosen(takes_candidate: Callable[[str, float], object], share: float) -> set[str]:
    """The clients that the candidate answers: about the share, and the same at each call."""

    def ask_all() -> set[str]:
        return {key for key in _KEYS if _yes(answer_of(takes_candidate, key, share))}

    clients = ask_all()
    if clients != ask_all():
        raise NotYet("the same client was sent to the other side when it asked again")
    with _hash_of_another_process():
        if clients != ask_all():
            raise NotYet(
                "after a restart the clients are dealt out anew: Python's `hash` of a text is "
                "another one in each process. Take a digest, such as hashlib's or zlib.crc32"
            )
    got = len(clients) / len(_KEYS)
    if abs(got - share) > 0.02:
        raise NotYet(f"a share of {share:.0%} gave {got:.1%} of the clients")
    return clients


def _yes(answer: object) -> bool:
    if isinstance(answer, bool) or type(answer).__name__ == "bool_":
        return bool(answer)
    raise NotYet(f"return True or False. Yours is {shown(answer)}")


@contextmanager
def _hash_of_another_process() -> Iterator[None]:
    """Replace `hash` by one that gives texts other values, as a new Python process would."""
    original = builtins.hash

    def other(value: object) -> int:
        return zlib.crc32(value.encode()) if isinstance(value, str) else original(value)

    builtins.hash = other
    try:
        yield
    finally:
        builtins.hash = original


@exercise_check
def check_bet(bet: Callable[..., float]) -> str:
    """Check a function of answers, a limit and an alternative that gives the capital of a bet."""
    for failures in _ANSWERS:
        for limit, alternative in ((0.05, 0.2), (0.02, 0.5)):
            wanted = 1.0
            for failed in failures:
                wanted *= alternative / limit if failed else (1 - alternative) / (1 - limit)
            given = number_of(answer_of(bet, failures, limit, alternative), "the capital")
            if abs(given - wanted) > 1e-6 * wanted:
                told = ", ".join("failed" if failed else "good" for failed in failures) or "none"
                raise NotYet(
                    f"with the limit {limit} and the alternative {alternative}, after the answers "
                    f"({told}) the capital is {wanted:.3g}. Yours is {given:.3g}"
                )
    return "Failures raise the capital, good answers lower it, and at the limit the bet is fair"


@exercise_check
def check_guard_rails(rails: Mapping[str, Any]) -> str:
    """Check rails that stop a candidate which often disagrees, and not one that seldom does."""
    try:
        parsed = GuardRails.model_validate(rails)
    except ValidationError as error:
        raise NotYet(explain(error)) from None
    if parsed.max_disagreement is None:
        raise NotYet(
            "a candidate that disagrees about most pictures is not stopped: no rail watches the "
            "disagreement"
        )
    if _stop_reason(parsed, lambda number: number % 5 > 2) is None:
        raise NotYet("a candidate that disagrees about 60% of the pictures is not stopped")
    if _stop_reason(parsed, lambda number: number % 20 != 7) is not None:
        raise NotYet("a candidate that disagrees about 1 picture of 20 is stopped, too")
    return "Most of the pictures is too much, one of twenty is not"


def _stop_reason(rails: GuardRails, agrees: Callable[[int], bool]) -> str | None:
    """Why the rails stop a candidate, by whether it agrees on each picture; `None`: they do not."""
    guard = Guard(rails, StableLatency())
    for number in range(_COMPARED):
        guard.observe(
            Observation(
                "comparison",
                "candidate",
                f"client-{number}",
                float(number),
                agrees=agrees(number),
            )
        )
    return guard.stop_reason()


@exercise_check
def check_rollout_plan(plan: Mapping[str, Any]) -> str:
    """Check a plan of the learner's own: it begins carefully and can be stopped."""
    try:
        parsed = RolloutPlan.model_validate(plan)
    except ValidationError as error:
        raise NotYet(explain(error)) from None
    rails = parsed.guard_rails
    if parsed.mode not in ("shadow", "canary"):
        raise NotYet(f"begin with a shadow or a canary. Yours begins with {parsed.mode}")
    if parsed.canary.steps[0] > 0.05 or parsed.canary.share > 0.05:
        raise NotYet("begin with at most 5% of the clients, in `steps` and in `share`")
    if len(parsed.canary.steps) < 3:
        raise NotYet(f"take at least three steps. Yours takes {len(parsed.canary.steps)}")
    if None in (rails.max_error_rate, rails.max_disagreement):
        raise NotYet("the rails should watch the errors and the disagreement")
    return "It begins small, climbs in steps, and stops by itself"
