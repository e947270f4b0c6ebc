"""Checks for the exercises of the notebook about clusters."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from detectlab.cluster.settings import ClusterSettings
from detectlab.course.verdicts import NotYet, answer_of, exercise_check, number_of, shown
from detectlab.rollout.plan_file import explain


@exercise_check
def check_replicas_needed(replicas_needed: Callable[[float, float, float], object]) -> str:
    """Check a function of rate, seconds for each picture and busy share that says how many."""
    for rate, seconds, busy in ((20, 0.2, 0.5), (5, 0.2, 0.6), (1000, 0.016, 0.7), (0.1, 0.2, 1.0)):
        needed = math.ceil(rate * seconds / busy - 1e-9)
        answer = number_of(
            answer_of(replicas_needed, rate, seconds, busy), "the number of replicas"
        )
        if answer == needed:
            continue
        exact = rate * seconds / busy
        reason = ""
        if not answer.is_integer():
            reason = "; there are whole replicas only"
        elif answer in (math.floor(exact), round(exact)):
            reason = "; round up, or the last pictures wait"
        elif answer == math.ceil(rate * seconds):
            reason = "; you left out the busy share"
        elif answer == math.ceil(rate * seconds * busy):
            reason = "; divide by the busy share: a replica that may work half the time does less"
        raise NotYet(
            f"{rate:g} pictures a second, {seconds:g} s each, keep {rate * seconds:g} replicas "
            f"busy. At {busy:.0%} that takes {needed}, yours says {answer:g}{reason}"
        )
    return "Work that comes in each second, over the work that a replica should do in one"


@exercise_check
def check_ask_again(ask_again: Callable[[int | None, int], object]) -> str:
    """Check a function of a status (`None`: no answer came) and the attempt's number."""
    cases = (
        (503, 1, True, "the server was busy: the same request may succeed"),
        (None, 1, True, "no answer came, and a detection changes nothing: asking again is safe"),
        (422, 1, False, "a wrong request stays wrong"),
        (404, 1, False, "a wrong address stays wrong"),
        (200, 1, False, "there is an answer already"),
        (503, 3, False, "three attempts are enough: endless ones make a busy server busier"),
        (None, 3, False, "three attempts are enough, also when no answer came"),
        (503, 2, True, "a third attempt is allowed"),
    )
    for status, attempt, wanted, why in cases:
        answer = answer_of(ask_again, status, attempt)
        if not isinstance(answer, bool | int | np.bool_) or answer not in (0, 1):
            raise NotYet(f"return True or False. Yours is {shown(answer)}")
        if bool(answer) != wanted:
            said = "no answer" if status is None else status
            raise NotYet(f"after {said} in attempt {attempt} yours says {bool(answer)}, but {why}")
    return "Again where it may help and cannot harm, and not for ever"


@exercise_check
def check_cluster_settings(settings: Mapping[str, Any]) -> str:
    """Check settings of the learner's own: they outlive the loss of a node."""
    try:
        parsed = ClusterSettings.model_validate(settings)
    except ValidationError as error:
        raise NotYet(explain(error)) from None
    weakest, version = min(parsed.detectors.items(), key=lambda item: item[1].min_replicas)
    if parsed.nodes < 2:
        raise NotYet("one node is lost with everything on it. Ask for at least two")
    if parsed.proxies != "EveryNode":
        raise NotYet("clients need a proxy on each node, or they lose the only one")
    if parsed.gateway.replicas < 2:
        raise NotYet("a single gateway takes all requests with it. Ask for at least two")
    if version.min_replicas < 2:
        raise NotYet(f"`{weakest}` may be down to one replica, and that one may be lost")
    if any(one.max_replicas <= one.min_replicas for one in parsed.detectors.values()):
        raise NotYet("when a node is lost, the others have more to do. Make `max_replicas` larger")
    return "Two of everything, and room to grow when one is gone"
