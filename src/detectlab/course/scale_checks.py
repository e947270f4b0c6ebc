"""Checks for the exercises of the notebook about clusters."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from detectlab.cluster.settings import ClusterSettings
from detectlab.course.server_checks import correct, not_yet
from detectlab.rollout.plan_file import explain


def check_replicas_needed(replicas_needed: Callable[[float, float, float], object]) -> None:
    """Check a function of rate, seconds for each picture and busy share that says how many."""
    for rate, seconds, busy in ((20, 0.2, 0.5), (5, 0.2, 0.6), (1000, 0.016, 0.7), (0.1, 0.2, 1.0)):
        needed = math.ceil(rate * seconds / busy - 1e-9)
        try:
            answer = replicas_needed(rate, seconds, busy)
        except Exception as error:  # whatever a learner's first attempt raises
            not_yet(f"your function fails with {type(error).__name__}: {error}")
            return
        if answer != needed:
            not_yet(
                f"{rate:g} pictures a second, {seconds:g} s each, keep {rate * seconds:g} replicas "
                f"busy. At {busy:.0%} that takes {needed}, yours says {answer}"
            )
            return
    correct("Work that comes in each second, over the work that a replica should do in one")


def check_ask_again(ask_again: Callable[[int | None, int], object]) -> None:
    """Check a function of a status (`None`: no answer came) and the attempt's number."""
    cases = (
        (503, 1, True, "the server was busy: the same request may succeed"),
        (None, 1, True, "no answer came, and a detection changes nothing: asking again is safe"),
        (422, 1, False, "a wrong request stays wrong"),
        (200, 1, False, "there is an answer already"),
        (503, 3, False, "three attempts are enough: who never gives up makes a busy server busier"),
        (503, 2, True, "a third attempt is allowed"),
    )
    for status, attempt, wanted, why in cases:
        try:
            answer = ask_again(status, attempt)
        except Exception as error:  # whatever a learner's first attempt raises
            not_yet(f"your function fails with {type(error).__name__}: {error}")
            return
        if bool(answer) != wanted:
            said = "no answer" if status is None else status
            not_yet(f"after {said} in attempt {attempt} yours says {answer}, but {why}")
            return
    correct("Again where it may help and cannot harm, and not for ever")


def check_cluster_settings(settings: Mapping[str, Any]) -> None:
    """Check settings of the learner's own: they outlive the loss of a node."""
    try:
        parsed = ClusterSettings.model_validate(settings)
    except ValidationError as error:
        not_yet(explain(error))
        return
    weakest, version = min(parsed.detectors.items(), key=lambda item: item[1].min_replicas)
    if parsed.nodes < 2:
        not_yet("one node is lost with everything on it. Ask for at least two")
    elif parsed.proxies != "EveryNode":
        not_yet("clients need a proxy on each node, or they lose the only one")
    elif parsed.gateway.replicas < 2:
        not_yet("a gateway that is alone takes all requests with it. Ask for at least two")
    elif version.min_replicas < 2:
        not_yet(f"`{weakest}` may be down to one replica, and that one may be lost")
    elif any(one.max_replicas <= one.min_replicas for one in parsed.detectors.values()):
        not_yet("when a node is lost, the others have more to do. Let `max_replicas` be larger")
    else:
        correct("Two of everything, and room to grow when one is gone")
