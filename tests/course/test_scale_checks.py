"""Checks of the cluster's exercises: typical wrong answers, and right ones of several forms."""

import math

import numpy as np
import pytest

from detectlab.course.scale_checks import (
    check_ask_again,
    check_cluster_settings,
    check_replicas_needed,
)


def fails(*arguments):
    raise NameError("name 'busy' is not defined")


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(lambda r, s, b: math.ceil(r * s), "left out the busy share", id="no-share"),
        pytest.param(lambda r, s, b: math.ceil(r * s * b), "divide by the busy share", id="times"),
        pytest.param(lambda r, s, b: r * s / b, "there are whole replicas only", id="fraction"),
        pytest.param(lambda r, s, b: math.floor(r * s / b), "round up", id="floor"),
        pytest.param(lambda r, s, b: math.ceil(r), "takes 8, yours says 20", id="rate"),
        pytest.param(lambda r, s, b: 8, "takes 2, yours says 8", id="constant"),
        pytest.param(lambda r, s, b: "8", "should be a number. Yours is '8'", id="text"),
        pytest.param(lambda r, s, b: None, "is there a `return`?", id="none"),
        pytest.param(fails, "NameError: name 'busy'", id="raises"),
    ],
)
def test_replicas_needed_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_replicas_needed, attempt)


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(lambda r, s, b: math.ceil(r * s / b), id="math"),
        pytest.param(lambda r, s, b: np.ceil(r * s / b), id="numpy"),
        pytest.param(lambda r, s, b: int(-(-r * s // b)), id="floor-of-the-negative"),
    ],
)
def test_replicas_needed_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_replicas_needed, attempt).startswith("Correct. ")


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(lambda s, n: s != 200, "a wrong request stays wrong", id="any-error"),
        pytest.param(lambda s, n: s == 503, "no answer came", id="503-only"),
        pytest.param(lambda s, n: s in (None, 503), "three attempts are enough", id="for-ever"),
        pytest.param(lambda s, n: s in (None, 503) and n < 2, "third attempt", id="two"),
        pytest.param(lambda s, n: s in (None, 503) and n <= 3, "three attempts", id="four"),
        pytest.param(
            lambda s, n: s is None or (s == 503 and n < 3), "when no answer came", id="precedence"
        ),
        pytest.param(lambda s, n: s >= 500 and n < 3, "TypeError", id="none-compared"),
        pytest.param(lambda s, n: "yes", "return True or False. Yours is 'yes'", id="text"),
        pytest.param(lambda s, n: None, "return True or False. Yours is None", id="none"),
        pytest.param(fails, "NameError: name 'busy'", id="raises"),
    ],
)
def test_ask_again_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_ask_again, attempt)


def with_ifs(status, attempts):
    if attempts >= 3:
        return False
    return status is None or status == 503


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(lambda s, n: s in (None, 503) and n < 3, id="expression"),
        pytest.param(lambda s, n: np.bool_(s in (None, 503) and n < 3), id="numpy"),
        with_ifs,
    ],
)
def test_ask_again_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_ask_again, attempt).startswith("Correct. ")


TWO = {"nodes": 2, "detectors": {"nano": {"min_replicas": 2, "max_replicas": 4}}}


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param({}, "detectors", id="empty"),
        pytest.param("two nodes", "dictionary", id="text"),
        pytest.param(TWO | {"nodes": 1}, "at least two", id="node"),
        pytest.param(TWO | {"nodes": "many"}, "`nodes`", id="kind"),
        pytest.param(TWO | {"node": 2}, "`node`", id="name"),
        pytest.param(TWO | {"proxies": "HeadOnly"}, "a proxy on each node", id="proxy"),
        pytest.param(TWO | {"gateway": {"replicas": 1}}, "a single gateway", id="gateway"),
        pytest.param(TWO | {"detectors": {"nano": {}}}, "down to one replica", id="one"),
        pytest.param(
            TWO | {"detectors": {"nano": {"min_replicas": 2, "max_replicas": 2}}},
            "Make `max_replicas` larger",
            id="room",
        ),
    ],
)
def test_cluster_settings_with_a_mistake_name_it(not_yet, attempt, hint):
    assert hint in not_yet(check_cluster_settings, attempt)


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(TWO, id="two"),
        pytest.param(TWO | {"nodes": 3, "gateway": {"replicas": 3}, "plan": None}, id="three"),
    ],
)
def test_cluster_settings_that_outlive_a_node_are_correct(verdict, attempt):
    assert verdict(check_cluster_settings, attempt).startswith("Correct. ")
