"""The checks of the cluster notebook's scale_checks: what they say to first attempts."""

import math

import pytest

from detectlab.course import scale_checks


def fails(*arguments):
    raise NameError("name 'busy' is not defined")


TWO = {"nodes": 2, "detectors": {"nano": {"min_replicas": 2, "max_replicas": 4}}}


@pytest.mark.parametrize(
    ("check", "attempt", "hint"),
    [
        pytest.param("check_replicas_needed", lambda r, s, b: r, "takes 8", id="replicas-rate"),
        pytest.param(
            "check_replicas_needed", lambda r, s, b: r * s / b, "takes 2", id="replicas-fraction"
        ),
        pytest.param("check_replicas_needed", fails, "NameError: name 'busy'", id="replicas-fail"),
        pytest.param("check_ask_again", lambda s, n: s != 200, "stays wrong", id="again-4xx"),
        pytest.param("check_ask_again", lambda s, n: s == 503, "no answer came", id="again-none"),
        pytest.param(
            "check_ask_again", lambda s, n: s in (None, 503), "three attempts", id="again-for-ever"
        ),
        pytest.param("check_ask_again", fails, "NameError: name 'busy'", id="again-raises"),
        pytest.param("check_cluster_settings", {}, "detectors", id="settings-empty"),
        pytest.param(
            "check_cluster_settings", TWO | {"nodes": 1}, "at least two", id="settings-node"
        ),
        pytest.param(
            "check_cluster_settings", TWO | {"proxies": "HeadOnly"}, "proxy", id="settings-proxy"
        ),
        pytest.param(
            "check_cluster_settings", TWO | {"gateway": {"replicas": 1}}, "alone", id="gateway"
        ),
        pytest.param(
            "check_cluster_settings",
            TWO | {"detectors": {"nano": {}}},
            "down to one",
            id="settings-one",
        ),
        pytest.param(
            "check_cluster_settings",
            TWO | {"detectors": {"nano": {"min_replicas": 2, "max_replicas": 2}}},
            "larger",
            id="settings-room",
        ),
    ],
)
def test_check_of_wrong_attempt_says_not_yet_and_why(capsys, check, attempt, hint):
    getattr(scale_checks, check)(attempt)

    said = capsys.readouterr().out
    assert said.startswith("Not yet: ")
    assert hint in said


@pytest.mark.parametrize(
    ("check", "attempt"),
    [
        pytest.param("check_replicas_needed", lambda r, s, b: math.ceil(r * s / b), id="replicas"),
        pytest.param("check_ask_again", lambda s, n: s in (None, 503) and n < 3, id="again"),
        pytest.param("check_cluster_settings", TWO, id="settings"),
    ],
)
def test_check_of_right_attempt_says_correct(capsys, check, attempt):
    getattr(scale_checks, check)(attempt)

    assert capsys.readouterr().out.startswith("Correct. ")
