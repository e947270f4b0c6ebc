"""The router: who answers, what changes are taken, and what happens by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detectlab.detection.detector import Detector
from detectlab.rollout.controller import Router
from detectlab.rollout.history import PlanChanged
from detectlab.rollout.lanes import UnusableSide
from detectlab.rollout.observer import Given
from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.reconciler import Keeper
from detectlab.rollout.report import report
from detectlab.rollout.shadow_runners import Task
from detectlab.rollout.transitions import promoted, released, rolled_back
from detectlab.serving.deadline import Deadline
from detectlab.serving.detector_cache import Unavailable
from detectlab.vision.detections import Detections

MakePlan = Callable[..., RolloutPlan]
MakeRouter = Callable[..., Router]


@pytest.fixture
def ask(apples: bytes) -> Callable[..., Awaitable[str]]:
    """Asks a router as a request without a detector does; gives who answered."""
    pixels = cv2.imdecode(np.frombuffer(apples, np.uint8), cv2.IMREAD_COLOR).astype(np.uint8)
    task = Task(apples, 40_000_000, 0.5, 0.3)

    async def ask(router: Router, key: str = "ada") -> str:
        with router.choose(key) as choice:

            def work(detector: Detector) -> Detections:
                return router.recorder.watched(choice, detector, key).detect(pixels)

            lane = choice.lane
            found = await lane.pool.run(lane.detector_name, work, Deadline(60))
        given = Given(key, 0, found, 0.01, (pixels.shape[1], pixels.shape[0]), task)
        router.recorder.given(choice, given)
        return choice.side.label

    return ask


@asynccontextmanager
async def kept(router: Router) -> AsyncIterator[None]:
    """Look after a router until the end of the block."""
    keeper = Keeper(router)
    keeper.open()
    yield
    await keeper.close()


async def until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


NEW = "nano@input_size=320"


def test_without_a_plan_the_default_detector_answers(make_router: MakeRouter, ask: Any) -> None:
    router = make_router()

    assert asyncio.run(ask(router)) == "nano"
    assert router.state.revision == 0
    assert router.history.entries() == []


def test_colours_are_switched_and_switched_back(
    make_router: MakeRouter, plan: MakePlan, ask: Any
) -> None:
    async def scene() -> list[str]:
        router = make_router()
        await router.put(plan("blue_green"), 0, "ada")
        said = [await ask(router)]
        for change, name in ((promoted, "promote"), (rolled_back, "rollback")):
            await router.move(change, name, "ada")
            said.append(await ask(router))
        return said

    assert asyncio.run(scene()) == ["nano", NEW, "nano"]


def test_released_green_is_stable_and_rollback_leads_to_who_was_before(
    make_router: MakeRouter, plan: MakePlan, ask: Any
) -> None:
    async def scene() -> list[str]:
        router = make_router()
        await router.put(plan("blue_green", live="green"), 0, "ada")
        await router.move(released, "release", "ada")
        said = [await ask(router)]
        await router.move(rolled_back, "rollback", "ada")
        return [*said, await ask(router)]

    assert asyncio.run(scene()) == [NEW, "nano"]


def test_both_colours_are_loaded_before_the_plan_is_in_force(
    make_router: MakeRouter, plan: MakePlan
) -> None:
    async def scene() -> list[tuple[str, ...]]:
        router = make_router()
        await router.put(plan("blue_green"), 0, "ada")
        return [lane.pool.loaded for lane in router.state.lanes.values()]

    assert asyncio.run(scene()) == [("nano",), (NEW,)]


def test_canary_gives_each_key_its_side(make_router: MakeRouter, plan: MakePlan, ask: Any) -> None:
    async def scene() -> list[str]:
        router = make_router()
        await router.put(plan(canary={"share": 0.5}), 0, "ada")
        return [await ask(router, str(number)) for number in [*range(20), *range(20)]]

    said = asyncio.run(scene())

    assert said[:20] == said[20:]
    assert set(said) == {"nano", NEW}


@pytest.mark.parametrize(
    ("candidate", "kind", "message"),
    [
        pytest.param({"model": "yolov99"}, UnusableSide, "must be one of nano, ", id="unknown"),
        pytest.param({"model": "yolov3"}, UnusableSide, "models pull yolov3", id="not-here"),
        pytest.param(
            {"model": "nano", "engine": "steam"}, Unavailable, "`engine` must be", id="engine"
        ),
    ],
)
def test_plan_with_a_side_that_is_not_to_be_had_changes_nothing(
    make_router: MakeRouter, plan: MakePlan, candidate: Any, kind: type[Exception], message: str,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setenv("DETECTLAB_HOME", str(tmp_path))
    router = make_router()

    with pytest.raises(kind, match=message):
        asyncio.run(router.put(plan(candidate=candidate), 0, "ada"))

    assert router.state.revision == router.history.last_revision() == 0


def test_two_operators_cannot_overwrite_each_other(make_router: MakeRouter, plan: MakePlan) -> None:
    async def scene() -> list[object]:
        router = make_router()
        wishes = [plan("shadow"), plan("blue_green")]
        return await asyncio.gather(
            *(router.put(wish, 0, "somebody") for wish in wishes), return_exceptions=True
        )

    outcomes = asyncio.run(scene())

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Entry", "PlanChanged"]


def test_restart_keeps_the_plan(
    make_router: MakeRouter, plan: MakePlan, ask: Any, file: Path
) -> None:
    asyncio.run(make_router(file).put(plan("blue_green", live="green"), 0, "ada"))

    router = make_router(file)

    assert router.state.revision == 1
    assert asyncio.run(ask(router)) == NEW


def test_closed_router_begins_again(make_router: MakeRouter, plan: MakePlan, ask: Any) -> None:
    async def scene() -> str:
        router = make_router()
        await router.put(plan("blue_green", live="green"), 0, "ada")
        router.close()
        router.open()
        return str(await ask(router))

    assert asyncio.run(scene()) == NEW


def test_another_process_follows(
    make_router: MakeRouter, plan: MakePlan, ask: Any, file: Path
) -> None:
    async def scene() -> str:
        one, other = make_router(file), make_router(file)
        async with kept(other):
            await one.put(plan("blue_green", live="green"), 0, "ada")
            await until(lambda: other.state.revision == 1, "the other one to follow")
            return str(await ask(other))

    assert asyncio.run(scene()) == NEW


@pytest.mark.parametrize(
    ("drill", "rails", "reason"),
    [
        pytest.param("raises", {}, "detections failed", id="raises"),
        pytest.param("hangs", {"max_p95_ms": 500}, "95th percentile of latency", id="hangs"),
        pytest.param(
            "swapped_channels", {"max_disagreement": 0.2}, "it disagrees about", id="swapped"
        ),
    ],
)
def test_bad_candidate_is_rolled_back_by_itself_and_the_reason_is_told(
    make_router: MakeRouter, plan: MakePlan, ask: Any, drill: str, rails: Any, reason: str
) -> None:
    async def scene() -> Router:
        router = make_router()
        bad = {"model": "nano", "drill": drill}
        shadow = {"busy_share": 1.0, "queue_size": 50}
        changes = {"canary": {"share": 0.5}, "guard_rails": rails, "shadow": shadow}
        await router.put(plan(candidate=bad, **changes), 0, "ada")
        async with kept(router):
            asked = [asyncio.create_task(ask(router, f"{drill}-{number}")) for number in range(24)]
            await until(lambda: router.state.revision == 2, "the rollback")
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        return router

    router = asyncio.run(scene())

    entry = router.history.entries()[0]
    assert (entry.who, entry.action, entry.plan.mode) == ("guard rails", "rollback", "stable")
    assert reason in entry.why


def test_candidate_that_cannot_be_loaded_after_a_restart_is_rolled_back(
    make_router: MakeRouter, plan: MakePlan, ask: Any, file: Path
) -> None:
    async def scene() -> tuple[str, str]:
        first = make_router(file)
        broken = plan("blue_green", live="green", candidate={"model": "nano", "engine": "steam"})
        # As if the engine had been there then.
        first.history.append(broken, 0, "ada", "put", "")
        router = make_router(file)
        async with kept(router):
            await until(lambda: router.state.revision == 2, "the rollback")
            return router.history.entries()[0].why, await ask(router)

    why, said = asyncio.run(scene())

    assert why.startswith("the candidate cannot be loaded: `engine` must be")
    assert said == "nano"


def test_canary_climbs_by_itself_and_stops_at_the_last_step(
    make_router: MakeRouter, plan: MakePlan
) -> None:
    async def scene() -> list[tuple[str, float]]:
        router = make_router()
        steps = {"share": 0.1, "steps": [0.1, 0.5, 1.0], "step_every_s": 0.01}
        await router.put(plan(canary=steps), 0, "ada")
        async with kept(router):
            await until(lambda: router.state.plan.canary.share == 1.0, "the last step")
            await asyncio.sleep(0.6)  # two more looks of the keeper, at which nothing may happen
        return [(e.who, e.plan.canary.share) for e in reversed(router.history.entries())]

    assert asyncio.run(scene()) == [("ada", 0.1), ("schedule", 0.5), ("schedule", 1.0)]


def test_key_is_the_first_header_of_the_plan_else_the_request(
    make_router: MakeRouter, plan: MakePlan
) -> None:
    open_one, locked = make_router(), make_router(api_key="secret")
    key = {"X-API-Key": "k"}

    assert open_one.key({"X-Client-ID": "ada", **key}, "r1") == "x-client-id:ada"
    assert open_one.key(key, "r1") == "x-api-key:k"
    assert open_one.key({}, "r1") == "request:r1"
    assert locked.key(key, "r1") == "request:r1"  # all its clients share that key


def test_requests_of_a_colour_that_is_let_go_are_answered(
    make_router: MakeRouter, plan: MakePlan, apples: bytes
) -> None:
    async def scene() -> str:
        router = make_router()
        await router.put(plan("blue_green", live="green"), 0, "ada")
        with router.choose("r") as choice:
            await router.move(rolled_back, "rollback", "ada")
            await router.move(released, "release", "ada")
            lane = choice.lane
            return str(await lane.pool.run(lane.detector_name, lambda d: d.name, Deadline(60)))

    assert asyncio.run(scene()) == "nano"


@pytest.mark.slow
def test_shadow_compares_and_the_report_tells(
    make_router: MakeRouter, plan: MakePlan, ask: Any
) -> None:
    async def scene() -> dict[str, Any]:
        router = make_router()
        swapped = {"model": "nano", "drill": "swapped_channels"}
        budget = {"busy_share": 1.0, "keep_pictures": 5}
        await router.put(plan("shadow", candidate=swapped, shadow=budget), 0, "ada", "to see")

        def compared() -> int:
            router.recorder.journal.flush(10)
            return int(report(router)["agreement"]["with_stable"]["pairs"])

        for number in range(3):
            assert await ask(router, str(number)) == "nano"
        await until(lambda: compared() == 3, "the comparisons")
        return report(router)

    told = asyncio.run(scene())

    assert told["summary"] == "nano answers, nano@drill=swapped_channels in its shadow"
    assert told["sides"]["stable"]["answers"] == 3
    assert told["agreement"]["with_stable"]["missed"] > 0
    assert told["agreement"]["with_stable"]["other"]["p95_ms"] > 0
    assert len(told["examples"]) == 3
    assert told["examples"][0]["picture"]
    assert told["history"][0]["why"] == "to see"


def test_guard_rail_that_cannot_be_written_down_stops_the_candidate_all_the_same(
    make_router: MakeRouter, plan: MakePlan, ask: Any
) -> None:
    async def scene() -> tuple[str, str | None]:
        router = make_router()
        bad = {"model": "nano", "drill": "raises"}
        await router.put(plan("blue_green", live="green", candidate=bad), 0, "ada")
        with router.store.write() as connection:
            connection.execute("ALTER TABLE history RENAME TO lost")
        async with kept(router):
            await asyncio.gather(*(ask(router) for _ in range(4)), return_exceptions=True)
            await until(lambda: router.state.plan.live == "blue", "the way back")
            return await ask(router), router.problem

    said, problem = asyncio.run(scene())

    assert said == "nano"
    assert "could not be saved" in str(problem)


def test_stale_revision_is_refused_before_anything_is_loaded(
    make_router: MakeRouter, plan: MakePlan
) -> None:
    with pytest.raises(PlanChanged, match="at revision 0 now"):
        asyncio.run(make_router().put(plan(), 7, "ada"))
