"""The candidate in the shadow: compared, bounded, and never in anybody's way."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import psutil
import pytest

from detectlab.rollout.plan import ShadowBudget, Side
from detectlab.rollout.shadow import Pair, Seen, Shadow
from detectlab.rollout.shadow_runners import (
    Outcome,
    ProcessRunner,
    ShadowFailed,
    Task,
    ThreadRunner,
)
from detectlab.vision.detections import Detections

SAME = Side(model="nano")


@pytest.fixture
def make_runner() -> Iterator[Callable[..., ProcessRunner]]:
    runners: list[ProcessRunner] = []

    def make(side: Side = SAME, **budget: Any) -> ProcessRunner:
        runners.append(ProcessRunner(side, ShadowBudget(**budget)))
        return runners[-1]

    yield make
    for runner in runners:
        runner.close()


@pytest.fixture
def task(apples: bytes) -> Task:
    return Task(apples, 40_000_000, 0.5, 0.3)


def children() -> list[psutil.Process]:
    """Processes in which candidates run."""
    found = psutil.Process().children(recursive=True)
    return [child for child in found if "detectlab.rollout.shadow_process" in child.cmdline()]


@pytest.mark.slow
class TestProcessRunner:
    def test_process_gives_the_answers_of_the_detector(
        self, make_runner: Callable[..., ProcessRunner], task: Task, apples_found: Detections
    ) -> None:
        outcome = make_runner().run(task)

        assert [row[:2] for row in outcome.detections] == [row[:2] for row in apples_found]
        pixels = cv2.imdecode(np.frombuffer(task.data, np.uint8), cv2.IMREAD_COLOR)
        assert outcome.size_wh == pixels.shape[1::-1]
        assert outcome.seconds > 0

    def test_candidate_that_raises_is_told_and_goes_on(
        self, make_runner: Callable[..., ProcessRunner], task: Task
    ) -> None:
        runner = make_runner(Side(model="nano", drill="raises"))
        for _ in range(2):
            with pytest.raises(ShadowFailed, match="DrillError: This candidate fails on purpose"):
                runner.run(task)

        assert len(children()) == 1

    def test_candidate_that_hangs_is_ended_and_started_anew(
        self, make_runner: Callable[..., ProcessRunner], task: Task
    ) -> None:
        runner = make_runner(Side(model="nano", drill="hangs"), timeout_s=0.2)
        for _ in range(2):
            with pytest.raises(ShadowFailed, match=r"no answer within 0\.2 s"):
                runner.run(task)

        assert children() == []

    def test_candidate_that_eats_memory_is_stopped_at_its_bound(
        self, make_runner: Callable[..., ProcessRunner], task: Task
    ) -> None:
        runner = make_runner(Side(model="nano", drill="eats_memory"), memory_mb=256)

        def run_often() -> None:
            for _ in range(6):
                runner.run(task)

        with pytest.raises(ShadowFailed, match=r"(?i)memory|its process ended"):
            run_often()

        assert sum(child.memory_info().rss for child in children()) < 1 << 30

    def test_picture_that_cannot_be_read_is_told(
        self, make_runner: Callable[..., ProcessRunner]
    ) -> None:
        with pytest.raises(ShadowFailed, match="ImageError: This is not a picture"):
            make_runner().run(Task(b"no picture", 100, 0.5, 0.3))

    def test_detector_that_cannot_be_loaded_is_told(
        self, make_runner: Callable[..., ProcessRunner], task: Task
    ) -> None:
        runner = make_runner(Side(model="nano", engine="steam"))

        with pytest.raises(ShadowFailed, match="cannot be loaded: ValueError: `engine` must be"):
            runner.run(task)

    def test_closing_ends_a_candidate_in_the_middle_of_a_picture(
        self, make_runner: Callable[..., ProcessRunner], task: Task,
        wait_until: Callable[..., None],
    ) -> None:  # fmt: skip
        runner, said = make_runner(Side(model="nano", drill="hangs"), timeout_s=600), list[str]()

        def run() -> None:
            try:
                runner.run(task)
            except ShadowFailed as error:
                said.append(str(error))

        thread = threading.Thread(target=run)
        thread.start()
        wait_until(children, "the process to start")
        runner.close()
        thread.join(60)

        assert said == ["its process ended"] or "cannot be loaded" in said[0]
        assert children() == []
        with pytest.raises(ShadowFailed, match="it was stopped"):
            runner.run(task)


class Held:
    """A runner that answers when it is let."""

    def __init__(self, answer: Detections) -> None:
        self.gate = threading.Event()
        self.answer = answer

    def run(self, task: Task) -> Outcome:
        assert self.gate.wait(60)
        return Outcome(self.answer, 0.001, (64, 48))

    def close(self) -> None:
        self.gate.set()


@pytest.fixture
def make_shadow() -> Iterator[Callable[..., Any]]:
    """Makes shadows, and lists of what they compared and lost."""
    shadows: list[Shadow] = []

    def make(runner: Any, **budget: Any) -> tuple[Shadow, list[Pair], list[tuple[str, str]]]:
        pairs: list[Pair] = []
        lost: list[tuple[str, str]] = []
        shadow = Shadow(
            runner, ShadowBudget(**{"busy_share": 1.0, **budget}), pairs.append,
            lambda *loss: lost.append(loss),
        )  # fmt: skip
        shadows.append(shadow)
        return shadow, pairs, lost

    yield make
    for shadow in shadows:
        shadow.close()


@pytest.fixture
def seen(apples: bytes, apples_found: Detections) -> Callable[..., Seen]:
    def make(request_id: str = "r") -> Seen:
        return Seen(request_id, apples_found, 0.01, Task(apples, 40_000_000, 0.5, 0.3))

    return make


def test_answers_are_compared_in_their_order(
    make_shadow: Callable[..., Any], seen: Callable[..., Seen], apples_found: Detections,
    wait_until: Callable[..., None],
) -> None:  # fmt: skip
    runner = Held(apples_found)
    shadow, pairs, lost = make_shadow(runner, queue_size=10)
    for number in range(5):
        shadow.offer(seen(str(number)))
    runner.gate.set()
    wait_until(lambda: len(pairs) == 5, "the comparisons")

    assert [pair.seen.request_id for pair in pairs] == list("01234")
    assert all(pair.comparison.agrees and pair.picture is None for pair in pairs)
    assert lost == []


def test_offers_beyond_the_budget_are_skipped_at_once(
    make_shadow: Callable[..., Any], seen: Callable[..., Seen], apples_found: Detections,
    wait_until: Callable[..., None],
) -> None:  # fmt: skip
    runner = Held(apples_found)
    shadow, pairs, lost = make_shadow(runner, queue_size=2)
    for number in range(20):
        shadow.offer(seen(str(number)))
    assert set(lost) == {("skipped", "the budget is used up")}
    assert len(lost) >= 17
    runner.gate.set()

    wait_until(lambda: len(pairs) + len(lost) == 20, "the rest")


def test_only_a_sample_is_compared(
    make_shadow: Callable[..., Any], seen: Callable[..., Seen], apples_found: Detections
) -> None:
    shadow, _, lost = make_shadow(Held(apples_found), sample=0.5, queue_size=100)
    for number in range(100):
        shadow.offer(seen(str(number)))

    assert 30 < lost.count(("skipped", "not in the sample")) < 70


@pytest.mark.parametrize(("keep", "kept"), [(0, False), (5, True)])
def test_picture_of_a_disagreement_is_kept_only_when_wanted(
    make_shadow: Callable[..., Any], seen: Callable[..., Seen], apples_found: Detections,
    wait_until: Callable[..., None], keep: int, kept: bool,
) -> None:  # fmt: skip
    runner = Held(apples_found[:0])
    shadow, pairs, _ = make_shadow(runner, keep_pictures=keep)
    runner.gate.set()
    shadow.offer(seen())
    wait_until(lambda: pairs, "the comparison")

    assert not pairs[0].comparison.agrees
    assert (pairs[0].picture is not None) == kept
    if kept:
        pixels = cv2.imdecode(np.frombuffer(pairs[0].picture, np.uint8), cv2.IMREAD_COLOR)
        assert max(pixels.shape) <= 640


def test_detector_of_this_process_runs_in_the_shadows_thread(
    make_shadow: Callable[..., Any], seen: Callable[..., Seen], wait_until: Callable[..., None]
) -> None:
    def fail() -> Any:
        raise RuntimeError("no such thing")

    shadow, _, lost = make_shadow(ThreadRunner(fail))
    shadow.offer(seen())
    wait_until(lambda: lost, "the failure")

    assert lost == [("failed", "RuntimeError: no such thing")]
