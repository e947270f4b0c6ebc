"""Plans: what they take, how they are read, and where they go from here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from detectlab.rollout.plan import RolloutPlan, Side, read_plan
from detectlab.rollout.transitions import NoSuchMove, promoted, released, rolled_back

MakePlan = Callable[..., RolloutPlan]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"candidate": None}, "mode `canary` needs a `candidate`", id="no-candidate"),
        pytest.param({"candidate": {"model": "nano"}}, "same as `stable`", id="same"),
        pytest.param({"live": "green"}, "`live` can be green in mode", id="green-canary"),
        pytest.param({"canary": {"share": 1.1}}, "less than or equal to 1", id="share"),
        pytest.param({"canary": {"share": float("nan")}}, "finite number", id="nan"),
        pytest.param({"canary": {"steps": [0.5, 0.1]}}, "steps must grow", id="steps-fall"),
        pytest.param({"canary": {"steps": [0.0, 0.1]}}, "steps must grow", id="steps-zero"),
        pytest.param({"canary": {"steps": [0.5, 1.5]}}, "steps must grow", id="steps-beyond"),
        pytest.param({"candidate": {"model": "x", "input_size": 100}}, "multiple of 32", id="size"),
        pytest.param({"candidate": {"model": "x", "drill": "sleeps"}}, "Input should be", id="d"),
        pytest.param({"shadow": {"busy_share": 0}}, "greater than 0", id="budget"),
        pytest.param({"guardrails": {}}, "Extra inputs are not permitted", id="misspelt"),
    ],
)
def test_plan_that_makes_no_sense_is_refused(
    plan: MakePlan, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        plan(**changes)


def test_label_says_all_that_differs_from_the_detector() -> None:
    assert Side(model="nano").label == "nano"
    assert Side(model="nano", confidence=0.3, input_size=320).label == (
        "nano@input_size=320,confidence=0.3"
    )


@pytest.mark.parametrize(("suffix", "kind"), [(".json", "JSON"), (".yaml", "YAML")])
def test_plan_is_read_from_a_file(plan: MakePlan, tmp_path: Path, suffix: str, kind: str) -> None:
    file = tmp_path / f"plan{suffix}"
    file.write_text(
        json.dumps(plan().model_dump())
        if kind == "JSON"
        else "mode: canary\nstable: {model: nano}\ncandidate:\n  model: nano\n  input_size: 320\n"
    )

    assert read_plan(file) == plan()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("p.json", "{", "p.json is not JSON", id="json"),
        pytest.param("p.yaml", "a: [", "p.yaml is not YAML", id="yaml"),
        pytest.param("p.yaml", "stable: 3", "is no rollout plan. `stable`: ", id="no-plan"),
        pytest.param("p.yaml", "- 1", "is no rollout plan. Input should be", id="a-list"),
    ],
)
def test_file_that_is_no_plan_says_why(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(ValueError, match=message):
        read_plan(tmp_path / name)


def test_promoting_leads_from_shadow_to_green_and_release_makes_it_stable(plan: MakePlan) -> None:
    now, seen = plan("shadow"), []
    for _ in range(5):
        now = promoted(now)
        seen.append((now.mode, now.canary.share, now.live))

    assert seen == [
        ("canary", 0.01, "blue"), ("canary", 0.1, "blue"), ("canary", 0.5, "blue"),
        ("canary", 1.0, "blue"), ("blue_green", 0.0, "green"),
    ]  # fmt: skip
    done = released(now)
    assert (done.mode, done.stable, done.candidate) == ("stable", now.candidate, None)
    assert rolled_back(done).stable == now.stable


def test_promoting_takes_the_next_larger_step(plan: MakePlan) -> None:
    assert promoted(plan(canary={"share": 0.3})).canary.share == 0.5


@pytest.mark.parametrize("mode", ["shadow", "canary"])
def test_rolling_back_gives_everything_to_stable(plan: MakePlan, mode: str) -> None:
    back = rolled_back(plan(mode, canary={"share": 0.5}))

    assert (back.mode, back.canary.share, back.candidate) == ("stable", 0.0, plan().candidate)


def test_blue_and_green_are_switched_by_promote_and_rollback(plan: MakePlan) -> None:
    blue = plan("blue_green")

    assert promoted(blue).live == "green"
    assert rolled_back(promoted(blue)) == blue
    assert released(blue).stable == blue.stable


@pytest.mark.parametrize(
    ("move", "mode", "changes", "message"),
    [
        pytest.param(promoted, "stable", {}, "There is no candidate", id="nobody"),
        pytest.param(promoted, "blue_green", {"live": "green"}, "Green is live", id="green"),
        pytest.param(rolled_back, "stable", {}, "nothing to roll back", id="stable"),
        pytest.param(rolled_back, "blue_green", {}, "nothing to roll back", id="blue"),
        pytest.param(released, "canary", {}, "Only a plan in mode blue_green", id="canary"),
    ],
)
def test_move_that_leads_nowhere_is_refused(
    plan: MakePlan, move: Any, mode: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(NoSuchMove, match=message):
        move(plan(mode, **changes))


@pytest.mark.parametrize(
    ("mode", "changes", "summary"),
    [
        ("stable", {}, "nano answers"),
        ("shadow", {}, "nano answers, nano@input_size=320 in its shadow"),
        ("canary", {"canary": {"share": 0.1}}, "nano@input_size=320 answers 10%, nano the rest"),
        ("blue_green", {}, "blue (nano) answers, nano@input_size=320 is warm"),
        ("blue_green", {"live": "green"}, "green (nano@input_size=320) answers, nano is warm"),
    ],
)
def test_summary_says_who_answers(
    plan: MakePlan, mode: str, changes: dict[str, Any], summary: str
) -> None:
    assert plan(mode, **changes).summary == summary
