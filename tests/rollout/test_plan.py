"""Plans: what they take, how they are read, and where they go from here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from detectlab.rollout.plan import RolloutPlan, Version
from detectlab.rollout.plan_file import read_plan
from detectlab.rollout.transitions import InvalidTransition, promote, release, roll_back

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
    assert Version(model="nano").label == "nano"
    assert Version(model="nano", confidence=0.3, input_size=256).label == (
        "nano@input_size=256,confidence=0.3"
    )


@pytest.mark.parametrize(("suffix", "kind"), [(".json", "JSON"), (".yaml", "YAML")])
def test_plan_is_read_from_a_file(plan: MakePlan, tmp_path: Path, suffix: str, kind: str) -> None:
    file = tmp_path / f"plan{suffix}"
    file.write_text(
        json.dumps(plan().model_dump())
        if kind == "JSON"
        else "mode: canary\nstable: {model: nano}\ncandidate:\n  model: nano\n  input_size: 256\n"
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
        now = promote(now)
        seen.append((now.mode, now.canary.share, now.live))

    assert seen == [
        ("canary", 0.01, "blue"),
        ("canary", 0.1, "blue"),
        ("canary", 0.5, "blue"),
        ("canary", 1.0, "blue"),
        ("blue_green", 0.0, "green"),
    ]
    done = release(now)
    assert (done.mode, done.stable, done.candidate) == ("stable", now.candidate, None)
    assert roll_back(done).stable == now.stable


def test_promoting_takes_the_next_larger_step(plan: MakePlan) -> None:
    assert promote(plan(canary={"share": 0.3})).canary.share == 0.5


@pytest.mark.parametrize("mode", ["shadow", "canary"])
def test_rolling_back_gives_everything_to_stable(plan: MakePlan, mode: str) -> None:
    back = roll_back(plan(mode, canary={"share": 0.5}))

    assert (back.mode, back.canary.share, back.candidate) == ("stable", 0.0, plan().candidate)


def test_blue_and_green_are_switched_by_promote_and_rollback(plan: MakePlan) -> None:
    blue = plan("blue_green")

    assert promote(blue).live == "green"
    assert roll_back(promote(blue)) == blue
    assert release(blue).stable == blue.stable


@pytest.mark.parametrize("mode", ["stable", "blue_green"])
def test_rolling_back_twice_changes_nothing(plan: MakePlan, mode: str) -> None:
    assert roll_back(plan(mode)) == plan(mode)
    before = {"previous": {"model": "old"}}
    stopped = roll_back(plan("canary", **before))
    assert roll_back(stopped) == stopped  # not back to what was stable before this rollout


def test_rolling_back_a_release_leads_to_the_version_before_and_stays_there(
    plan: MakePlan,
) -> None:
    back = roll_back(release(plan("blue_green", live="green")))

    assert (back.stable, back.candidate) == (plan().stable, None)
    assert roll_back(back) == back


@pytest.mark.parametrize(
    ("mode", "changes", "role"),
    [
        ("stable", {}, None),
        ("shadow", {}, "candidate"),
        ("canary", {"canary": {"share": 0.5}}, None),
        (
            "canary",
            {"canary": {"share": 0.0}, "guard_rails": {"max_disagreement": 0.2}},
            "candidate",
        ),
        (
            "canary",
            {"canary": {"share": 0.5}, "guard_rails": {"max_disagreement": 0.2}},
            "stable",
        ),
        ("canary", {"canary": {"share": 1.0}}, "stable"),
        ("blue_green", {}, None),
        ("blue_green", {"live": "green"}, "stable"),
    ],
)
def test_version_that_does_not_answer_runs_in_the_shadow(
    plan: MakePlan, mode: str, changes: Any, role: str | None
) -> None:
    assert plan(mode, **changes).shadow_role == role


@pytest.mark.parametrize(
    ("move", "mode", "changes", "message"),
    [
        pytest.param(promote, "stable", {}, "There is no candidate", id="nobody"),
        pytest.param(promote, "blue_green", {"live": "green"}, "Green is live", id="green"),
        pytest.param(release, "canary", {}, "Only a plan in mode blue_green", id="canary"),
    ],
)
def test_move_that_leads_nowhere_is_refused(
    plan: MakePlan, move: Any, mode: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidTransition, match=message):
        move(plan(mode, **changes))


@pytest.mark.parametrize(
    ("mode", "changes", "summary"),
    [
        ("stable", {}, "nano answers"),
        ("shadow", {}, "nano answers, nano@input_size=256 in its shadow"),
        ("canary", {"canary": {"share": 0.1}}, "nano@input_size=256 answers 10%, nano the rest"),
        ("blue_green", {}, "blue (nano) answers, nano@input_size=256 is warm"),
        ("blue_green", {"live": "green"}, "green (nano@input_size=256) answers, nano is warm"),
    ],
)
def test_summary_says_who_answers(
    plan: MakePlan, mode: str, changes: dict[str, Any], summary: str
) -> None:
    assert plan(mode, **changes).summary == summary
