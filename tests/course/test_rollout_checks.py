"""Checks of the rollout's exercises: typical wrong answers, and right ones of several forms."""

import hashlib
import random
import zlib

import pytest

from detectlab.course.rollout_checks import (
    check_bet,
    check_guard_rails,
    check_rollout_plan,
    check_sticky_share,
)


def digest(client, share):
    digits = hashlib.sha256(client.encode()).hexdigest()
    return int(digits[:8], 16) / 16**8 < share


def checksum(client, share):
    return zlib.crc32(client.encode()) % 1000 < 1000 * share


def hidden_hash(client, share):
    return bucket(f"salt-{client}") < 100 * share


def bucket(text):
    return hash(text) % 100


def salted(client, share):
    return zlib.crc32(f"{client}{share}".encode()) % 1000 < 1000 * share


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(lambda c, s: random.random() < s, "when it asked again", id="random"),
        pytest.param(lambda c, s: hash(c) % 100 < 100 * s, "after a restart", id="hash"),
        pytest.param(hidden_hash, "another one in each process", id="hash-in-a-helper"),
        pytest.param(salted, "some clients left the candidate", id="share-in-the-key"),
        pytest.param(lambda c, s: len(c) % 10 < 10 * s, "% of the clients", id="length"),
        pytest.param(lambda c, s: digest(c, 0.1), "a share of 50% gave", id="fixed"),
        pytest.param(lambda c, s: True, "a share of 10% gave 100.0%", id="always"),
        pytest.param(lambda c, s: digest(c, s) or None, "return True or False", id="none"),
        pytest.param(lambda c, s: hashlib.sha256(c) and True, "TypeError", id="raises"),
        pytest.param(lambda c, s: "yes", "return True or False. Yours is 'yes'", id="text"),
    ],
)
def test_sticky_share_with_a_mistake_names_it(verdict, attempt, hint):
    said = verdict(check_sticky_share, attempt)

    assert said.startswith("Not yet: ")
    assert hint in said


@pytest.mark.parametrize("attempt", [digest, checksum])
def test_sticky_share_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_sticky_share, attempt).startswith("Correct. ")


def fair_bet(failures, limit=0.05, alternative=0.2):
    capital = 1.0
    for failed in failures:
        capital *= alternative / limit if failed else (1 - alternative) / (1 - limit)
    return capital


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(lambda f, q, p: 1.0, "(failed) the capital is 4. Yours is 1", id="constant"),
        pytest.param(lambda f, q, p: fair_bet(f), "0.02", id="fixed-limit"),
        pytest.param(lambda f, q, p: fair_bet(f, p, q), "the capital is 4", id="swapped"),
        pytest.param(lambda f, q, p: None, "return", id="none"),
        pytest.param(lambda f, q, p: f[0] / q, "IndexError", id="raises"),
    ],
)
def test_bet_with_a_mistake_names_it(verdict, attempt, hint):
    said = verdict(check_bet, attempt)

    assert said.startswith("Not yet: ")
    assert hint in said


def test_fair_bet_is_correct(verdict):
    assert verdict(check_bet, fair_bet).startswith("Correct. ")


@pytest.mark.parametrize(
    ("rails", "hint"),
    [
        pytest.param({"max_error_rate": 0.05}, "no rail watches the disagreement", id="none"),
        pytest.param({"max_disagreement": None}, "no rail watches", id="null"),
        pytest.param({"max_disagreement": 0}, "should be greater than 0", id="zero"),
        pytest.param({"max_disagreement": 0.01}, "1 picture of 20 is stopped", id="narrow"),
        pytest.param({"max_disagreement": 0.9}, "60% of the pictures is not stopped", id="wide"),
        pytest.param({"max_disagreement": 30}, "`max_disagreement`", id="percent"),
        pytest.param({"max_disagreements": 0.3}, "`max_disagreements`", id="name"),
        pytest.param({"max_disagreement": "little"}, "`max_disagreement`", id="text"),
        pytest.param(0.3, "GuardRails", id="number"),
    ],
)
def test_guard_rails_with_a_mistake_name_it(verdict, rails, hint):
    said = verdict(check_guard_rails, rails)

    assert said.startswith("Not yet: ")
    assert hint in said


@pytest.mark.parametrize("limit", [0.05, 0.1, 0.3, 0.5])
def test_guard_rails_between_the_two_candidates_are_correct(verdict, limit):
    assert verdict(check_guard_rails, {"max_disagreement": limit}).startswith("Correct. ")


PLAN = {
    "mode": "shadow",
    "stable": {"model": "nano"},
    "candidate": {"model": "nano", "input_size": 256},
    "canary": {"steps": [0.01, 0.1, 0.5, 1.0]},
    "guard_rails": {"max_disagreement": 0.2},
}


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        pytest.param({"mode": "blue_green"}, "Yours begins with blue_green", id="mode"),
        pytest.param({"canary": {"steps": [0.5, 0.75, 1.0]}}, "at most 5%", id="large"),
        pytest.param({"canary": {"steps": [0.01, 1.0]}}, "at least three steps", id="steps"),
        pytest.param({"canary": {"steps": [1, 10, 100]}}, "`canary.steps", id="percent"),
        pytest.param({"guard_rails": {}}, "watch the errors and the disagreement", id="rails"),
        pytest.param({"candidate": None}, "candidate", id="candidate"),
        pytest.param({"moode": "shadow"}, "`moode`", id="name"),
    ],
)
def test_rollout_plan_with_a_mistake_names_it(verdict, change, hint):
    said = verdict(check_rollout_plan, PLAN | change)

    assert said.startswith("Not yet: ")
    assert hint in said


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="shadow"),
        pytest.param(
            {"mode": "canary", "canary": {"share": 0.01, "steps": [0.01, 0.2, 1.0]}}, id="canary"
        ),
    ],
)
def test_rollout_plan_that_begins_small_is_correct(verdict, change):
    assert verdict(check_rollout_plan, PLAN | change).startswith("Correct. ")
