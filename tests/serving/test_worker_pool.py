"""Who runs, who waits, who is turned away; and which detectors stay loaded."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from testing import until, wait_until

from detectlab.detection.detector import Detector
from detectlab.models.registry import ModelCard, WeightsFile, get_card
from detectlab.serving.deadline import Deadline, DeadlinePassed
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.pool import PoolClosed, PoolFull
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings

MakePool = Callable[..., ThreadPool]
IMAGE = np.zeros((4, 4, 3), np.uint8)


def detect(detector: Detector) -> str:
    detector.detect(IMAGE)
    return detector.name


def ask(
    pool: ThreadPool, name: str = "gate", seconds: float = 30, work: Any = detect
) -> Coroutine[Any, Any, str]:
    return pool.run(name, work, Deadline(seconds))


def cards(*names: str, size_mb: int = 0) -> dict[str, ModelCard]:
    file = WeightsFile("any.weights", size=size_mb << 20)
    return {name: replace(get_card("nano"), name=name, weights=file) for name in names}


def test_a_detector_is_loaded_once_however_many_ask_at_once(make_pool: MakePool, gate: Any) -> None:
    gate.gate.set()
    loads, go_on = [], threading.Event()

    def load(name: str) -> Detector:
        loads.append(name)
        assert go_on.wait(30)
        return gate

    pool = make_pool(gate, load=load, queue_size=100)

    async def scene() -> list[str]:
        tasks = [asyncio.create_task(ask(pool)) for _ in range(50)]
        await until(lambda: pool.waiting == 50)
        go_on.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(scene()) == ["gate"] * 50
    assert loads == ["gate"]


def test_a_failed_load_is_reported_to_all_who_wait_and_tried_again_later(
    make_pool: MakePool, gate: Any
) -> None:
    gate.gate.set()
    loads, go_on = [], threading.Event()

    def load(name: str) -> Detector:
        loads.append(name)
        assert go_on.wait(30)
        if len(loads) == 1:
            raise OSError("the disk is gone: /secret/path")
        return gate

    pool = make_pool(gate, load=load, load_retry_s=0.2)

    async def scene() -> tuple[list[Any], str]:
        tasks = [asyncio.create_task(ask(pool)) for _ in range(5)]
        await until(lambda: pool.waiting == 5)
        go_on.set()
        failures = await asyncio.gather(*tasks, return_exceptions=True)
        with pytest.raises(Unavailable):
            await ask(pool)  # at once: the same report, without another attempt
        while True:
            try:
                return failures, await ask(pool)
            except Unavailable:
                await asyncio.sleep(0.01)

    failures, name = asyncio.run(scene())
    assert name == "gate"
    assert loads == ["gate"] * 2
    for failure in failures:
        assert isinstance(failure, Unavailable)
        assert "`detectlab models pull gate`" in str(failure)
        assert "secret" not in str(failure)


def test_a_load_that_outlasts_a_deadline_goes_on_for_the_others(
    make_pool: MakePool, gate: Any
) -> None:
    gate.gate.set()
    go_on = threading.Event()

    def load(name: str) -> Detector:
        assert go_on.wait(30)
        return gate

    pool = make_pool(gate, load=load)

    async def scene() -> str:
        patient = asyncio.create_task(ask(pool))
        with pytest.raises(DeadlinePassed, match=r"no answer within 0\.05 s"):
            await ask(pool, seconds=0.05)
        go_on.set()
        return await patient

    assert asyncio.run(scene()) == "gate"


def test_the_least_recently_used_detector_makes_room(make_pool: MakePool, tiny: Any) -> None:
    # Each takes 3 x 10 MB (its file, and one network for each worker); two fit.
    pool = make_pool(
        load=lambda name: tiny, cards=cards("a", "b", "c", size_mb=10), memory_limit_mb=65
    )

    async def scene() -> None:
        for name in ("a", "b", "a", "c"):
            await pool.load(name, Deadline(30))

    asyncio.run(scene())

    assert pool.loaded == ("a", "c")


def test_a_detector_beyond_the_memory_bound_is_refused_and_drives_nobody_out(
    make_pool: MakePool, tiny: Any
) -> None:
    known = cards("small", size_mb=1) | cards("big", size_mb=100)
    pool = make_pool(load=lambda name: tiny, cards=known, memory_limit_mb=50)

    async def scene() -> None:
        await pool.load("small", Deadline(30))
        with pytest.raises(
            Unavailable, match="needs about 300 MB of memory; this server allows 50"
        ):
            await pool.load("big", Deadline(30))

    asyncio.run(scene())

    assert pool.loaded == ("small",)


def test_a_full_queue_turns_away_and_says_when_to_come_back(make_pool: MakePool, gate: Any) -> None:
    pool = make_pool(gate, workers=1, queue_size=2)

    async def scene() -> PoolFull:
        tasks = [asyncio.create_task(ask(pool)) for _ in range(3)]
        await until(lambda: pool.waiting == 2 and pool.running == 1)
        with pytest.raises(PoolFull, match="queue is full") as refused:
            await ask(pool)
        gate.gate.set()
        assert await asyncio.gather(*tasks) == ["gate"] * 3
        return refused.value

    assert asyncio.run(scene()).retry_after_s >= 1


def test_no_more_than_the_workers_run_at_once(make_pool: MakePool, gate: Any) -> None:
    pool = make_pool(gate, workers=3)

    async def scene() -> None:
        tasks = [asyncio.create_task(ask(pool)) for _ in range(10)]
        await until(lambda: pool.running == 3)
        assert (pool.waiting, gate.calls) == (7, 3)
        gate.gate.set()
        await asyncio.gather(*tasks)

    asyncio.run(scene())

    assert (pool.running, pool.waiting) == (0, 0)


def test_who_stops_waiting_frees_the_place_and_is_never_worked_for(
    make_pool: MakePool, gate: Any
) -> None:
    pool = make_pool(gate, workers=1, queue_size=2)

    async def scene() -> None:
        first = asyncio.create_task(ask(pool))
        await until(lambda: pool.running == 1)
        gone = asyncio.create_task(ask(pool))
        await until(lambda: pool.waiting == 1)
        gone.cancel()
        with pytest.raises(DeadlinePassed, match="no answer within"):
            await ask(pool, seconds=0.02)
        await until(lambda: pool.waiting == 0)
        gate.gate.set()
        await first

    asyncio.run(scene())

    assert gate.calls == 1


def test_work_that_outlasts_its_deadline_keeps_its_place_until_it_ends(
    make_pool: MakePool, gate: Any
) -> None:
    pool = make_pool(gate, workers=1, queue_size=0)

    async def scene() -> None:
        with pytest.raises(DeadlinePassed, match="no answer within"):
            await ask(pool, seconds=0.05)
        with pytest.raises(PoolFull, match="queue is full"):
            await ask(pool)
        gate.gate.set()
        await until(lambda: pool.running == 0)
        assert await ask(pool) == "gate"

    asyncio.run(scene())


def test_work_that_raises_is_reported_and_the_worker_goes_on(
    make_pool: MakePool, gate: Any
) -> None:
    gate.gate.set()
    pool = make_pool(gate, workers=1)

    def fail(detector: Detector) -> str:
        raise ZeroDivisionError("by accident")

    async def scene() -> str:
        for _ in range(5):
            with pytest.raises(ZeroDivisionError, match="by accident"):
                await ask(pool, work=fail)
        return await ask(pool)

    assert asyncio.run(scene()) == "gate"


def test_closing_finishes_what_runs_and_sends_away_who_waits(
    make_pool: MakePool, gate: Any
) -> None:
    pool = make_pool(gate, workers=1)
    before = threading.active_count()

    async def scene() -> str:
        running = asyncio.create_task(ask(pool))
        await until(lambda: pool.running == 1)
        waiting = [asyncio.create_task(ask(pool)) for _ in range(3)]
        await until(lambda: pool.waiting == 3)
        closing = asyncio.create_task(asyncio.to_thread(pool.close, 30))
        for task in waiting:
            with pytest.raises(PoolClosed, match="shutting down"):
                await task
        with pytest.raises(PoolClosed, match="shutting down"):
            await ask(pool)
        gate.gate.set()
        await closing
        return await running

    assert asyncio.run(scene()) == "gate"
    assert gate.calls == 1
    wait_until(lambda: threading.active_count() <= before, "the workers to go home")


def test_closing_sends_away_who_waits_for_a_load(make_pool: MakePool, gate: Any) -> None:
    go_on = threading.Event()

    def load(name: str) -> Detector:
        assert go_on.wait(30)
        return gate

    pool = make_pool(gate, load=load)

    async def scene() -> None:
        waiting = asyncio.create_task(ask(pool))
        await until(lambda: pool.waiting == 1)
        pool.refuse()
        with pytest.raises(PoolClosed, match="shutting down"):
            await waiting

    asyncio.run(scene())
    go_on.set()


def test_closing_waits_no_longer_than_its_grace(make_pool: MakePool, gate: Any) -> None:
    pool = make_pool(gate)

    async def scene() -> None:
        stuck = asyncio.create_task(ask(pool))
        await until(lambda: pool.running == 1)
        await asyncio.to_thread(pool.close, 0.05)  # returns, though the gate stays shut
        gate.gate.set()
        await stuck

    asyncio.run(scene())


def test_a_closed_pool_opens_again(make_pool: MakePool, gate: Any) -> None:
    gate.gate.set()
    pool = make_pool(gate)
    assert asyncio.run(ask(pool)) == "gate"
    pool.close(5)

    pool.open()

    assert asyncio.run(ask(pool)) == "gate"


def test_a_pool_of_the_registry_fetches_nothing_unasked(tmp_path: Any) -> None:
    pool = ThreadPool(settings=Settings(home=tmp_path, model="nano", mirror="http://127.0.0.1:9"))

    with pytest.raises(Unavailable, match="`detectlab models pull yolov3`"):
        asyncio.run(ask(pool, "yolov3"))

    assert not pool.is_available("yolov3")


def test_a_pool_that_fetches_reports_what_cannot_be_fetched(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTLAB_HOME", str(tmp_path))
    monkeypatch.setenv("DETECTLAB_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setenv("DETECTLAB_OFFLINE", "1")
    pool = ThreadPool(settings=Settings(model="nano", fetch_on_demand=True))

    with pytest.raises(Unavailable, match="`detectlab models pull yolo-fastest` fetches"):
        asyncio.run(ask(pool, "yolo-fastest"))

    assert pool.is_available("yolo-fastest")


def take_300_ms(detector: Detector) -> str:
    time.sleep(0.3)
    return detector.name


async def measure_and_occupy(pool: ThreadPool, gate: Any) -> "asyncio.Task[str]":
    """Let the pool measure a detection of 300 ms, and its one worker wait at the gate."""
    await ask(pool, work=take_300_ms)
    running = asyncio.create_task(ask(pool))
    await until(lambda: pool.running == 1)
    return running


def test_requests_whose_expected_wait_is_too_long_are_refused_at_once(
    make_pool: MakePool, gate: Any
) -> None:
    pool = make_pool(gate, workers=1, queue_size=100, max_wait_s=1)

    async def scene() -> list[str | BaseException]:
        running = await measure_and_occupy(pool, gate)
        tasks = [asyncio.create_task(ask(pool)) for _ in range(20)]
        await until(lambda: sum(task.done() for task in tasks) + pool.waiting == 20)
        gate.gate.set()
        await running
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(scene())
    refused = [answer for answer in answers if isinstance(answer, PoolFull)]
    assert 1 <= answers.count("gate") <= 4  # at 300 ms each, within a second
    assert len(refused) == 20 - answers.count("gate")
    assert all(error.retry_after_s >= 1 for error in refused)


def test_request_that_would_wait_beyond_its_deadline_is_refused_at_once(
    make_pool: MakePool, gate: Any
) -> None:
    pool = make_pool(gate, workers=1, queue_size=100)

    async def scene() -> None:
        running = await measure_and_occupy(pool, gate)
        with pytest.raises(PoolFull, match="queue is full"):
            await ask(pool, seconds=0.2)  # and 300 ms to wait
        gate.gate.set()
        await running

    asyncio.run(scene())


def test_longest_work_includes_what_still_runs(make_pool: MakePool, gate: Any) -> None:
    pool = make_pool(gate, workers=1)

    async def scene() -> None:
        assert pool.longest_s == 0
        running = asyncio.create_task(ask(pool))
        await until(lambda: pool.longest_s > 0.05)
        assert pool.running == 1
        gate.gate.set()
        await running
        longest_s = pool.longest_s
        assert longest_s > 0.05
        await ask(pool)
        assert pool.longest_s == longest_s

    asyncio.run(scene())
