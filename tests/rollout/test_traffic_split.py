"""Keys and versions: shares are exact enough, and no key changes sides."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.traffic_split import client_key, is_within, position, role_of

KEYS = [f"client-{number}" for number in range(5000)]


def test_ten_percent_of_5000_keys_are_within_one_point() -> None:
    chosen = sum(is_within(key, 0.1, salt="candidate") for key in KEYS)

    assert 0.09 <= chosen / len(KEYS) <= 0.11


def test_no_key_leaves_while_the_share_stays_or_grows(plan: Callable[..., RolloutPlan]) -> None:
    before: set[str] = set()
    for share in (0.0, 0.01, 0.1, 0.1, 0.5, 1.0):
        now = plan(canary={"share": share})
        chosen = {key for key in KEYS if role_of(now, key) == "candidate"}
        assert before <= chosen
        before = chosen

    assert before == set(KEYS)


def test_another_candidate_is_tried_on_other_keys(plan: Callable[..., RolloutPlan]) -> None:
    first = plan(canary={"share": 0.1})
    second = plan(canary={"share": 0.1}, candidate={"model": "nano", "input_size": 224})
    chosen = [{key for key in KEYS if role_of(one, key) == "candidate"} for one in (first, second)]

    assert len(chosen[0] & chosen[1]) < 100  # 50 by chance


def test_position_is_the_same_in_every_process() -> None:
    code = "from detectlab.rollout.traffic_split import position; print(position('ada', salt='x'))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }

    assert seen == {str(position("ada", salt="x"))}


@pytest.mark.parametrize(
    ("mode", "live", "side"),
    [
        ("stable", "blue", "stable"),
        ("shadow", "blue", "stable"),
        ("blue_green", "blue", "stable"),
        ("blue_green", "green", "candidate"),
    ],
)
def test_other_modes_have_one_side_for_all_keys(
    plan: Callable[..., RolloutPlan], mode: str, live: str, side: str
) -> None:
    assert {role_of(plan(mode, live=live), key) for key in KEYS[:100]} == {side}


def test_key_is_the_first_header_of_the_plan_else_the_request(
    plan: Callable[..., RolloutPlan],
) -> None:
    def key(headers: dict[str, str], *, has_shared_key: bool = False) -> str:
        return client_key(plan(), headers, "r1", has_shared_key=has_shared_key)

    assert key({"X-Client-ID": "ada", "X-API-Key": "k"}) == "x-client-id:ada"
    assert key({"X-API-Key": "k"}) == "x-api-key:k"
    assert key({}) == "request:r1"
    assert key({"X-API-Key": "k"}, has_shared_key=True) == "request:r1"
