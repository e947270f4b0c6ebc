"""Checks of the rollout's exercises: typical wrong answers, and right ones of several forms."""

import hashlib
import math
import random
import zlib
from functools import cache

import numpy as np
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


NUMBERS = {}


def remembers(client, share):
    if client not in NUMBERS:
        NUMBERS[client] = random.random()
    return NUMBERS[client] < share


def remembers_in_a_default(client, share, numbers={}):  # noqa: B006
    return numbers.setdefault(client, random.random()) < share


@cache
def number_of_client(client):
    return random.random()


def shared_with(check, share=1.0):
    """A digest's check, with a change."""
    return lambda client, of_all: check(zlib.crc32(client.encode()), share * of_all)


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(remembers, "what a function remembered is gone", id="memory"),
        pytest.param(remembers_in_a_default, "after a restart", id="memory-in-a-default"),
        pytest.param(lambda c, s: number_of_client(c) < s, "after a restart", id="cache"),
        pytest.param(lambda c, s: hash(c.encode()) % 100 < 100 * s, "restart", id="hash-of-bytes"),
        pytest.param(lambda c, s: hash((c, 1)) % 100 < 100 * s, "restart", id="hash-of-a-pair"),
        pytest.param(lambda c, s: c.__hash__() % 100 < 100 * s, "restart", id="hash-method"),
        pytest.param(lambda c, s: id(c) % 100 < 100 * s, "when it asked again", id="id"),
        pytest.param(lambda c, s: int(c.split("-")[1]) % 100 < 100 * s, "IndexError", id="digits"),
        pytest.param(lambda c, s: ord(c[-1]) % 10 < 10 * s, "gave 5.0%", id="last-letter"),
        pytest.param(shared_with(lambda n, s: n % 10 < 10 * s), "1% gave 10.0%", id="tenths"),
        pytest.param(shared_with(lambda n, s: n % 100 <= 100 * s), "1% gave 2", id="or-equal"),
        pytest.param(shared_with(lambda n, s: n % 100 < s), "10% gave 1.0%", id="percent"),
        pytest.param(shared_with(lambda n, s: not n % 100 < 100 * s), "10% gave 8", id="inverted"),
        pytest.param(shared_with(lambda n, s: n / 2**32), "return True or False", id="number"),
        pytest.param(shared_with(lambda n, s: n % 100 < 99 * s), "all clients", id="not-all"),
        pytest.param(True, "pass the function itself", id="called"),
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
def test_sticky_share_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_sticky_share, attempt)


def of_numpy(client, share):
    return np.float64(zlib.crc32(client.encode()) % 1000) < 1000 * share


def seeded(client, share):
    return random.Random(client).random() < share


DIGESTS = {}


def digest_kept(client, share):
    number = DIGESTS.setdefault(client, int(hashlib.md5(client.encode()).hexdigest(), 16))
    return number < share * 16**32


@pytest.mark.parametrize("attempt", [digest, checksum, of_numpy, seeded, digest_kept])
def test_sticky_share_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_sticky_share, attempt).startswith("Correct. ")


def factors(failures, limit, alternative):
    good = (1 - alternative) / (1 - limit)
    return [alternative / limit if failed else good for failed in failures]


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
        pytest.param(lambda *c: ([1.0, *factors(*c)])[-1], "multiply with `*=`", id="last"),
        pytest.param(lambda *c: ([*factors(*c), 1.0])[0], "after the first answer", id="first"),
        pytest.param(lambda *c: 1 + sum(factors(*c)), "multiply, do not add", id="sum"),
        pytest.param(lambda *c: 1 / math.prod(factors(*c)), "upside down", id="upside-down"),
        pytest.param(lambda f, q, p: (p / q) ** sum(f), "multiplies it, too", id="failures"),
        pytest.param(
            lambda f, q, p: fair_bet([not one for one in f], q, p),
            "a failure raises",
            id="inverted",
        ),
        pytest.param(lambda *c: 0 * math.prod(factors(*c)), "begin with a capital of 1", id="zero"),
        pytest.param(lambda *c: round(fair_bet(*c), 3), "without rounding", id="rounded"),
        pytest.param(lambda *c: factors(*c), "should be a number. Yours is []", id="list"),
    ],
)
def test_bet_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_bet, attempt)


@pytest.mark.parametrize(
    "attempt",
    [
        fair_bet,
        pytest.param(lambda *case: np.prod(factors(*case)), id="numpy"),
        pytest.param(lambda *case: math.exp(sum(map(math.log, factors(*case)))), id="logarithms"),
    ],
)
def test_fair_bet_is_correct(verdict, attempt):
    assert verdict(check_bet, attempt).startswith("Correct. ")


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
        pytest.param({"max_disagreement": 0.04}, "1 picture of 20 is stopped", id="a-bit-narrow"),
        pytest.param({"max_disagreement": "0.3"}, "should be a valid number.", id="quotes"),
        pytest.param({"max_disagreement": True}, "should be a valid number.", id="bool"),
        pytest.param({"max_disagreement": float("nan")}, "should be a finite number.", id="nan"),
        pytest.param(None, "should be a valid dictionary", id="no-rails"),
    ],
)
def test_guard_rails_with_a_mistake_name_it(not_yet, rails, hint):
    said = not_yet(check_guard_rails, rails)

    assert hint in said
    assert not said.endswith("..")


@pytest.mark.parametrize("limit", [0.05, 0.1, 0.3, 0.5, np.float64(0.2)])
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
        pytest.param({"canary": {"steps": [0.01, 0.02, 0.03]}}, "the last step", id="never-all"),
        pytest.param({"canary": {"steps": [0.01, 0.5, 0.1]}}, "the steps must grow", id="falls"),
        pytest.param(
            {"guard_rails": {"max_disagreement": 0.9}}, "more than half stops hardly", id="wide"
        ),
        pytest.param(
            {"candidate": {"model": "nano", "drill": "raises"}}, "nano@drill=raises", id="drill"
        ),
        pytest.param({"candidate": {"model": "yolov3"}}, "has nano and yolov3", id="other"),
        pytest.param({"candidate": {"model": "nano"}}, "is the same as `stable`", id="same"),
    ],
)
def test_rollout_plan_with_a_mistake_names_it(not_yet, change, hint):
    assert hint in not_yet(check_rollout_plan, PLAN | change)


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
