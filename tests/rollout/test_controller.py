"""The controller and its autopilot: assignments, changes of the plan, rollbacks and ramps."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from testing import until

from detectlab.detection.detector import Detector
from detectlab.rollout.autopilot import Autopilot
from detectlab.rollout.controller import RolloutController
from detectlab.rollout.guard import NotEnoughEvidence
from detectlab.rollout.history import PlanChanged
from detectlab.rollout.plan import Role, RolloutPlan
from detectlab.rollout.rails.base import Observation
from detectlab.rollout.records import AnswerRecord
from detectlab.rollout.report import report
from detectlab.rollout.service_hook import assign_version
from detectlab.rollout.transitions import promote, release, roll_back
from detectlab.rollout.versions import UnusableVersion
from detectlab.serving.deadline import Deadline
from detectlab.serving.picture_decoder import PictureDecoder
from detectlab.serving.prediction import Answer, Query, answer
from detectlab.serving.sent_file import SentFile

MakePlan = Callable[..., RolloutPlan]
MakeController = Callable[..., RolloutController]


@pytest.fixture
def ask(apples: bytes) -> Callable[..., Awaitable[str]]:
    """Sends a picture without naming a detector; gives the label of the version that answers."""
    query = Query("nano", 0.5, 0.3, 40_000_000, "application/json")
    upload = PictureDecoder(1, 40_000_000).read(SentFile(apples))

    async def ask(controller: RolloutController, key: str = "ada") -> str:
        deadline = Deadline(60)
        with assign_version(controller, client=key, request_id=key) as assigned:

            def work(detector: Detector) -> Answer:
                return answer(assigned.watch(detector), upload, assigned.adapt(query), deadline)

            found = await assigned.pool.run(assigned.detector_name, work, deadline)
        assigned.record(found, query, 0)
        return found.model

    return ask


@asynccontextmanager
async def piloted(controller: RolloutController) -> AsyncIterator[None]:
    """Run the autopilot of a controller until the end of the block."""
    autopilot = Autopilot(controller, workers=2)
    autopilot.open()
    yield
    await autopilot.close()


def has_share(controller: RolloutController, share: float) -> bool:
    return controller.active.plan.canary.share == share


NEW = "nano@input_size=256"


def test_without_a_plan_the_default_detector_answers(
    make_controller: MakeController, ask: Any
) -> None:
    controller = make_controller()

    assert asyncio.run(ask(controller)) == "nano"
    assert controller.active.revision == 0
    assert controller.history.entries() == []


def test_colours_are_switched_and_switched_back(
    make_controller: MakeController, plan: MakePlan, ask: Any
) -> None:
    async def scene() -> list[str]:
        controller = make_controller()
        await controller.put(plan("blue_green"), replaces=0, who="ada")
        said = [await ask(controller)]
        for transition, name in ((promote, "promote"), (roll_back, "rollback")):
            await controller.apply(transition, action=name, who="ada", anyway=True)
            said.append(await ask(controller))
        return said

    assert asyncio.run(scene()) == ["nano", NEW, "nano"]


def test_released_green_is_stable_and_rollback_leads_to_who_was_before(
    make_controller: MakeController, plan: MakePlan, ask: Any
) -> None:
    async def scene() -> list[str]:
        controller = make_controller()
        await controller.put(plan("blue_green", live="green"), replaces=0, who="ada")
        await controller.apply(release, action="release", who="ada")
        said = [await ask(controller)]
        await controller.apply(roll_back, action="rollback", who="ada")
        return [*said, await ask(controller)]

    assert asyncio.run(scene()) == [NEW, "nano"]


def test_both_colours_are_loaded_before_the_plan_is_in_force(
    make_controller: MakeController, plan: MakePlan
) -> None:
    async def scene() -> list[tuple[str, ...]]:
        controller = make_controller()
        await controller.put(plan("blue_green"), replaces=0, who="ada")
        return [running.pool.loaded for running in controller.active.versions.values()]

    assert asyncio.run(scene()) == [("nano",), (NEW,)]


def test_canary_gives_each_key_its_side(
    make_controller: MakeController, plan: MakePlan, ask: Any
) -> None:
    async def scene() -> list[str]:
        controller = make_controller()
        await controller.put(plan(canary={"share": 0.5}), replaces=0, who="ada")
        return [await ask(controller, str(number)) for number in [*range(20), *range(20)]]

    said = asyncio.run(scene())

    assert said[:20] == said[20:]
    assert set(said) == {"nano", NEW}


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        pytest.param({"model": "yolov99"}, "must be one of nano, ", id="unknown"),
        pytest.param({"model": "yolov3"}, "models pull yolov3", id="not-here"),
        pytest.param({"model": "nano", "engine": "steam"}, "tried.*`engine` must be", id="engine"),
    ],
)
def test_plan_with_a_version_that_cannot_be_loaded_changes_nothing(
    make_controller: MakeController,
    plan: MakePlan,
    candidate: Any,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("DETECTLAB_HOME", str(tmp_path))
    controller = make_controller()

    with pytest.raises(UnusableVersion, match=message):
        asyncio.run(controller.put(plan(candidate=candidate), replaces=0, who="ada"))

    assert controller.active.revision == controller.history.last_revision() == 0


def test_two_operators_cannot_overwrite_each_other(
    make_controller: MakeController, plan: MakePlan
) -> None:
    async def scene() -> list[object]:
        controller = make_controller()
        wishes = [plan("shadow"), plan("blue_green")]
        return await asyncio.gather(
            *(controller.put(wish, replaces=0, who="somebody") for wish in wishes),
            return_exceptions=True,
        )

    outcomes = asyncio.run(scene())

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "PlanChanged"]


def test_restart_keeps_the_plan(
    make_controller: MakeController, plan: MakePlan, ask: Any, file: Path
) -> None:
    asyncio.run(make_controller(file).put(plan("blue_green", live="green"), replaces=0, who="ada"))

    controller = make_controller(file)

    assert controller.active.revision == 1
    assert asyncio.run(ask(controller)) == NEW


def test_closed_controller_begins_again(
    make_controller: MakeController, plan: MakePlan, ask: Any
) -> None:
    async def scene() -> str:
        controller = make_controller()
        await controller.put(plan("blue_green", live="green"), replaces=0, who="ada")
        controller.close()
        controller.open()
        return str(await ask(controller))

    assert asyncio.run(scene()) == NEW


def test_another_process_follows(
    make_controller: MakeController, plan: MakePlan, ask: Any, file: Path
) -> None:
    async def scene() -> str:
        one, other = make_controller(file), make_controller(file)
        async with piloted(other):
            await one.put(plan("blue_green", live="green"), replaces=0, who="ada")
            await until(lambda: other.active.revision == 1, "the other one to follow")
            return str(await ask(other))

    assert asyncio.run(scene()) == NEW


@pytest.mark.parametrize(
    ("drill", "rails", "reason"),
    [
        pytest.param("raises", {}, "answers failed", id="raises"),
        pytest.param("hangs", {"max_p95_ms": 500}, "were too slow", id="hangs"),
        pytest.param(
            "swapped_channels", {"max_disagreement": 0.2}, "compared pictures differ", id="swapped"
        ),
    ],
)
def test_bad_candidate_is_roll_back_by_itself_and_the_reason_is_told(
    make_controller: MakeController, plan: MakePlan, ask: Any, drill: str, rails: Any, reason: str
) -> None:
    async def scene() -> RolloutController:
        controller = make_controller()
        bad = {"model": "nano", "drill": drill}
        shadow = {"busy_share": 1.0, "queue_size": 50}
        changes = {"canary": {"share": 0.5}, "guard_rails": rails, "shadow": shadow}
        await controller.put(plan(candidate=bad, **changes), replaces=0, who="ada")
        async with piloted(controller):
            asked = [
                asyncio.create_task(ask(controller, f"{drill}-{number}")) for number in range(24)
            ]
            await until(lambda: controller.active.revision == 2, "the rollback")
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        return controller

    controller = asyncio.run(scene())

    entry = controller.history.entries()[0]
    assert entry.plan
    assert (entry.who, entry.action, entry.plan.mode) == ("guard rails", "rollback", "stable")
    assert reason in entry.why


def test_candidate_that_cannot_be_loaded_after_a_restart_is_roll_back(
    make_controller: MakeController, plan: MakePlan, ask: Any, file: Path
) -> None:
    async def scene() -> tuple[str, str]:
        first = make_controller(file)
        broken = plan("blue_green", live="green", candidate={"model": "nano", "engine": "steam"})
        # As if the engine had been there then.
        first.history.append(broken, replaces=0, who="ada", action="put", why="")
        controller = make_controller(file)
        async with piloted(controller):
            await until(lambda: controller.active.revision == 2, "the rollback")
            return controller.history.entries()[0].why, await ask(controller)

    why, said = asyncio.run(scene())

    assert why.startswith("the candidate cannot be loaded: `engine` must be")
    assert said == "nano"


def show_good_answers(controller: RolloutController, count: int, step: str) -> None:
    """Let the guard see good answers of many clients."""
    roles: tuple[Role, ...] = ("stable", "candidate")
    for number in range(count):
        for role in roles:
            controller.active.guard.observe(
                Observation("answer", role, f"{step}-{number}", number / 100, 0.01)
            )


TIMED = {"share": 0.1, "steps": [0.1, 0.5, 1.0], "step_every_s": 0.01}


def test_canary_without_answers_does_not_climb(
    make_controller: MakeController, plan: MakePlan
) -> None:
    async def scene() -> float:
        controller = make_controller()
        await controller.put(plan(canary=TIMED), replaces=0, who="ada")
        looks = 0

        def look() -> bool:
            nonlocal looks
            looks += 1
            return looks > 75  # in 1.5 s the autopilot looks five times or more

        async with piloted(controller):
            await until(look, "the autopilot to look")
        return controller.active.plan.canary.share

    assert asyncio.run(scene()) == 0.1


def test_canary_climbs_step_by_step_with_evidence_for_each(
    make_controller: MakeController, plan: MakePlan
) -> None:
    async def scene() -> list[tuple[str, float]]:
        controller = make_controller()
        await controller.put(plan(canary=TIMED), replaces=0, who="ada")
        async with piloted(controller):
            for share in (0.5, 1.0):
                show_good_answers(controller, 120, str(share))
                await until(partial(has_share, controller, share), "the step")
                assert controller.active.guard.missing_evidence(has_traffic=True)  # anew
            show_good_answers(controller, 120, "last")
        return [
            (entry.who, entry.plan.canary.share)
            for entry in reversed(controller.history.entries())
            if entry.plan
        ]

    assert asyncio.run(scene()) == [("ada", 0.1), ("schedule", 0.5), ("schedule", 1.0)]


def test_promotion_without_evidence_is_refused_unless_it_goes_anyway(
    make_controller: MakeController, plan: MakePlan
) -> None:
    async def scene() -> str:
        controller = make_controller()
        await controller.put(plan(canary={"share": 0.1}), replaces=0, who="ada")
        with pytest.raises(
            NotEnoughEvidence, match=r"errors: 0 of 0 answers failed.*about 75 more"
        ):
            await controller.apply(promote, action="promote", who="ada")
        assert controller.active.revision == 1
        await controller.apply(promote, action="promote", who="ada", why="hurry", anyway=True)
        return controller.history.entries()[0].why

    assert asyncio.run(scene()).startswith("hurry (anyway, without enough evidence: errors: 0 of 0")


def test_rolling_back_twice_is_one_change(make_controller: MakeController, plan: MakePlan) -> None:
    async def scene() -> tuple[int, str]:
        controller = make_controller()
        old = {"model": "nano", "input_size": 224}
        await controller.put(plan(previous=old), replaces=0, who="ada")
        await controller.stop_candidate("it fails", "guard rails")
        for who in ("ada", "bob"):
            await controller.apply(roll_back, action="rollback", who=who)
        return controller.active.revision, controller.active.plan.stable.label

    assert asyncio.run(scene()) == (2, "nano")


def test_locked_file_delays_the_entry_and_not_the_rollback(
    make_controller: MakeController, plan: MakePlan, ask: Any, file: Path
) -> None:
    async def scene() -> tuple[str, str | None, str]:
        controller = make_controller(file)
        bad = {"model": "nano", "drill": "raises"}
        await controller.put(plan("blue_green", live="green", candidate=bad), replaces=0, who="ada")
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with piloted(controller):
                asked = [ask(controller, str(number)) for number in range(6)]
                await asyncio.gather(*asked, return_exceptions=True)
                await until(lambda: controller.active.plan.live == "blue", "the way back")
                said, problem = await ask(controller), controller.problem
                assert controller.active.revision == 1
                other.execute("ROLLBACK")
                await until(lambda: controller.active.revision == 2, "the entry")
        return said, problem, controller.history.entries()[0].why

    said, problem, why = asyncio.run(scene())

    assert said == "nano"
    assert "saved" in str(problem)
    assert "answers failed" in why


def test_candidate_that_hangs_is_stopped_though_nothing_is_known_of_stable(
    make_controller: MakeController, plan: MakePlan, ask: Any
) -> None:
    async def scene() -> str:
        controller = make_controller()
        bad = {"model": "nano", "drill": "hangs"}
        await controller.put(plan("blue_green", live="green", candidate=bad), replaces=0, who="ada")
        async with piloted(controller):
            asked = [asyncio.create_task(ask(controller, str(number))) for number in range(8)]
            await until(lambda: controller.active.revision == 2, "the rollback")
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        return controller.history.entries()[0].why

    assert "the latency of stable is not known yet" in asyncio.run(scene())


def test_candidate_that_fails_in_the_shadow_is_shown_and_not_promoted(
    make_controller: MakeController, plan: MakePlan
) -> None:
    async def scene() -> dict[str, Any]:
        controller = make_controller()
        await controller.put(plan("shadow"), replaces=0, who="ada")
        for number in range(5):
            answer = AnswerRecord(f"r{number}", 0, 1, "stable", "nano", client=f"c{number}")
            controller.recorder.lost(controller.active, answer, "failed", "its process ended")
        with pytest.raises(NotEnoughEvidence, match=r"5 of 5 answers failed: 100%"):
            await controller.apply(promote, action="promote", who="ada")
        return report(controller)

    told = asyncio.run(scene())

    assert (told["shadow"]["failed"], told["shadow"]["compared"]) == (5, 0)
    assert told["shadow"]["last_error"] == "its process ended"


def test_candidate_that_was_stopped_is_judged_anew_when_it_is_put_again(
    make_controller: MakeController, plan: MakePlan
) -> None:
    async def scene() -> None:
        controller = make_controller()
        await controller.put(plan(canary={"share": 0.1}), replaces=0, who="ada")
        for number in range(5):
            controller.active.guard.observe(
                Observation("answer", "candidate", f"c-{number}", 1.0, failed=True)
            )
        reason = controller.active.guard.stop_reason()
        assert reason == "5 of 5 answers failed: 100%, at most 5% are allowed"
        await controller.stop_candidate(reason, "guard rails")
        await controller.put(plan(canary={"share": 0.1}), replaces=2, who="ada")
        assert controller.active.guard.stop_reason() is None
        assert controller.active.experiment == 1

    asyncio.run(scene())


def test_requests_of_a_colour_that_is_let_go_are_answered(
    make_controller: MakeController, plan: MakePlan, apples: bytes
) -> None:
    async def scene() -> str:
        controller = make_controller()
        await controller.put(plan("blue_green", live="green"), replaces=0, who="ada")
        with assign_version(controller, client="r", request_id="r") as assigned:
            await controller.apply(roll_back, action="rollback", who="ada")
            await controller.apply(release, action="release", who="ada")
            name = assigned.detector_name
            return str(await assigned.pool.run(name, lambda d: d.name, Deadline(60)))

    assert asyncio.run(scene()) == "nano"


@pytest.mark.slow
def test_shadow_compares_and_the_report_tells(
    make_controller: MakeController, plan: MakePlan, ask: Any
) -> None:
    async def scene() -> dict[str, Any]:
        controller = make_controller()
        swapped = {"model": "nano", "drill": "swapped_channels"}
        budget = {"busy_share": 1.0, "keep_pictures": 5}
        await controller.put(
            plan("shadow", candidate=swapped, shadow=budget), replaces=0, who="ada", why="to see"
        )

        def compared() -> int:
            controller.recorder.log.flush(10)
            return int(report(controller)["agreement"]["with_stable"]["pairs"])

        for number in range(3):
            assert await ask(controller, str(number)) == "nano"
        await until(lambda: compared() == 3, "the comparisons")
        return report(controller)

    told = asyncio.run(scene())

    assert told["summary"] == "nano answers, nano@drill=swapped_channels in its shadow"
    assert told["versions"]["stable"]["answers"] == 3
    assert told["agreement"]["with_stable"]["missed"] > 0
    assert told["agreement"]["with_stable"]["other"]["p95_ms"] > 0
    assert len(told["examples"]) == 1  # of one picture
    assert told["examples"][0]["picture"]
    assert told["history"][0]["why"] == "to see"


def test_guard_rail_that_cannot_be_written_down_stops_the_candidate_all_the_same(
    make_controller: MakeController, plan: MakePlan, ask: Any
) -> None:
    async def scene() -> tuple[str, str | None]:
        controller = make_controller()
        bad = {"model": "nano", "drill": "raises"}
        await controller.put(plan("blue_green", live="green", candidate=bad), replaces=0, who="ada")
        with controller.store.write() as transaction:
            transaction.execute("ALTER TABLE history RENAME TO lost")
        async with piloted(controller):
            asked = [ask(controller, str(number)) for number in range(6)]
            await asyncio.gather(*asked, return_exceptions=True)
            await until(lambda: controller.active.plan.live == "blue", "the way back")
            return await ask(controller), controller.problem

    said, problem = asyncio.run(scene())

    assert said == "nano"
    assert "could not be saved" in str(problem)


def test_stale_revision_is_refused_before_anything_is_loaded(
    make_controller: MakeController, plan: MakePlan
) -> None:
    with pytest.raises(PlanChanged, match="at revision 0 now"):
        asyncio.run(make_controller().put(plan(), replaces=7, who="ada"))
