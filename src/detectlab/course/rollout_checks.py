"""Checks for the exercises of the notebook about rollouts."""

import builtins
import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from pydantic import ValidationError

from detectlab.course.verdicts import (
    NotYet,
    answer_of,
    exercise_check,
    known_mistake,
    number_of,
    shown,
)
from detectlab.rollout.guard import Guard, StableLatency
from detectlab.rollout.plan import GuardRails, RolloutPlan, Version
from detectlab.rollout.plan_file import explain
from detectlab.rollout.rails.base import Observation

_CLIENTS = 5000
_COMPARED = 2000
_ANSWERS: tuple[list[bool], ...] = (
    [],
    [True],
    [True, True, True],
    [False, False],
    [True, False, False, True, False],
)
_STABLE, _CANDIDATE = Version(model="nano"), Version(model="nano", input_size=256)
_BETS = [
    (failures, limit, alternative)
    for failures in _ANSWERS
    for limit, alternative in ((0.05, 0.2), (0.02, 0.5))
]


def _factors(failures: Sequence[bool], limit: float, alternative: float) -> list[float]:
    good = (1 - alternative) / (1 - limit)
    return [alternative / limit if failed else good for failed in failures]


def _capital(*case: Any) -> float:
    return math.prod(_factors(*case))


_CAPITALS: dict[str, Callable[[Sequence[bool], float, float], float]] = {
    "a failure raises it, a good answer lowers it": lambda failures, limit, alternative: math.prod(
        _factors([not failed for failed in failures], limit, alternative)
    ),
    "`=` keeps the last factor only: multiply with `*=`": lambda *case: [1.0, *_factors(*case)][-1],
    "does the loop return after the first answer?": lambda *case: [*_factors(*case), 1.0][0],
    "multiply, do not add": lambda *case: 1 + sum(_factors(*case)),
    "it is upside down: `alternative / limit`": lambda *case: 1 / math.prod(_factors(*case)),
    "a good answer multiplies it, too": lambda *case: math.prod(
        factor for factor in _factors(*case) if factor > 1
    ),
    "put brackets around `1 - alternative` and `1 - limit`": lambda failures, limit, alternative: (
        math.prod(alternative / limit if f else 1 - alternative - limit for f in failures)
    ),
    "take `limit` and `alternative` as they come": lambda failures, *_: math.prod(
        _factors(failures, 0.05, 0.2)
    ),
    "begin with a capital of 1": lambda *_: 0.0,
}


@exercise_check
def check_sticky_share(takes_candidate: Callable[[str, float], object]) -> str:
    """Check a function of a key and a share that says whether the candidate answers."""
    _yes(answer_of(takes_candidate, "client", 0.5))
    chosen = {share: _chosen(takes_candidate, share) for share in (0.1, 0.5, 0.01, 0, 1)}
    if not chosen[0.01] <= chosen[0.1] <= chosen[0.5]:
        raise NotYet("some clients left the candidate when the share grew from 10% to 50%")
    if len(chosen[1]) < _CLIENTS:
        raise NotYet("a share of 1 should give all clients")
    return "10% of 5000 clients, always the same ones, and all of them among the 50%"


def _chosen(takes_candidate: Callable[[str, float], object], share: float) -> set[str]:
    """The clients that the candidate answers: about the share, and the same at each call."""

    def ask_all(kind: type[str] = str) -> set[str]:
        keys = [kind(key) for key in _keys()]
        answers = answer_of(lambda: [takes_candidate(key, share) for key in keys])
        return {str(key) for key, answer in zip(keys, answers, strict=True) if _yes(answer)}

    clients = ask_all()
    if clients != ask_all():
        raise NotYet("the same client was sent to the other side when it asked again")
    with _hash_of_another_process():
        if clients != ask_all(_KeyOfAnotherProcess):
            raise NotYet(
                "after a restart the clients are dealt out anew: what a function remembered is "
                "gone, and Python's `hash` of a text is another one in each process. Take a digest "
                "of the name, such as hashlib's or zlib.crc32"
            )
    got = len(clients) / _CLIENTS
    if abs(got - share) > min(0.02, share / 2):
        raise NotYet(f"a share of {share:.0%} gave {got:.1%} of the clients")
    return clients


def _keys() -> Iterator[str]:
    """Names of clients, of two forms, so that none can rely on one of them."""
    for number in range(_CLIENTS // 2):
        yield f"client-{number}"
        yield f"{zlib.crc32(str(number).encode()):08x}@example.org"


def _yes(answer: object) -> bool:
    if isinstance(answer, bool | np.bool_):
        return bool(answer)
    raise NotYet(f"return True or False. Yours is {shown(answer)}")


class _KeyOfAnotherProcess(str):
    """A text that no dictionary finds again, since its hash is another one."""

    __slots__ = ()

    def __hash__(self) -> int:
        return zlib.crc32(self.encode())


@contextmanager
def _hash_of_another_process() -> Iterator[None]:
    """Replace `hash` by one that gives texts other values, as a new Python process would."""
    original = builtins.hash

    def other(value: object) -> int:
        if isinstance(value, str | bytes):
            return zlib.crc32(value.encode() if isinstance(value, str) else value)
        return original(value)

    builtins.hash = other
    try:
        yield
    finally:
        builtins.hash = original


@exercise_check
def check_bet(bet: Callable[..., float]) -> str:
    """Check a function of answers, a limit and an alternative that gives the capital of a bet."""
    capitals = [number_of(answer_of(bet, *case), "the capital") for case in _BETS]
    for (failures, limit, alternative), given in zip(_BETS, capitals, strict=True):
        wanted = _capital(failures, limit, alternative)
        if not abs(given - wanted) <= 1e-6 * wanted:
            told = ", ".join("failed" if failed else "good" for failed in failures) or "none"
            raise NotYet(
                f"with the limit {limit} and the alternative {alternative}, after the answers "
                f"({told}) the capital is {wanted:.3g}. Yours is {given:.3g}"
                + known_mistake(_CAPITALS, _BETS, capitals, _capital)
            )
    return "Failures raise the capital, good answers lower it, and at the limit the bet is fair"


@exercise_check
def check_guard_rails(rails: Mapping[str, Any]) -> str:
    """Check rails that stop a candidate which often disagrees, and not one that seldom does."""
    try:
        parsed = GuardRails.model_validate(rails, strict=True)
    except ValidationError as error:
        raise NotYet(explain(error)) from None
    if parsed.max_disagreement is None:
        raise NotYet(
            "a candidate that disagrees about most pictures is not stopped: no rail watches the "
            "disagreement"
        )
    if _stop_reason(parsed, lambda number: number % 5 > 2) is None:
        raise NotYet("a candidate that disagrees about 60% of the pictures is not stopped")
    # At exactly 0.05 the rail has no evidence; below, it has some one day.
    if parsed.max_disagreement < 0.05 or _stop_reason(parsed, lambda number: number % 20 != 7):
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
    rails, stable, candidate = parsed.guard_rails, parsed.stable, parsed.candidate
    if parsed.mode not in ("shadow", "canary"):
        raise NotYet(f"begin with a shadow or a canary. Yours begins with {parsed.mode}")
    if parsed.canary.steps[0] > 0.05 or parsed.canary.share > 0.05:
        raise NotYet("begin with at most 5% of the clients, in `steps` and in `share`")
    if len(parsed.canary.steps) < 3:
        raise NotYet(f"take at least three steps. Yours takes {len(parsed.canary.steps)}")
    if parsed.canary.steps[-1] < 1:
        raise NotYet("the last step should be 1.0, all clients")
    if None in (rails.max_error_rate, rails.max_disagreement):
        raise NotYet("the rails should watch the errors and the disagreement")
    if max(rails.max_error_rate or 0, rails.max_disagreement or 0) > 0.5:
        raise NotYet("a rail that allows more than half stops hardly any candidate")
    if stable != _STABLE or candidate != _CANDIDATE:
        raise NotYet(
            f"the plan is for {_STABLE.label} and the candidate of section 2, {_CANDIDATE.label}. "
            f"Yours has {stable.label} and {candidate and candidate.label}"
        )
    return "It begins small, climbs in steps, and stops by itself"
