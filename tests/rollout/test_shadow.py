"""The shadow: compared, bounded, and never in the way of an answer."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from testing import pixels_of, wait_until

from detectlab.rollout.plan import Role, ShadowBudget, Version
from detectlab.rollout.process_runner import ProcessRunner, try_version
from detectlab.rollout.records import AnswerRecord, ComparisonRecord
from detectlab.rollout.shadow import Shadow
from detectlab.rollout.shadow_runners import (
    Outcome,
    PoolRunner,
    ShadowError,
    Task,
    ThreadRunner,
)
from detectlab.rollout.versions import RunningVersion, UnusableVersion
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings
from detectlab.vision.detections import Detections

SAME = Version(model="nano")


@pytest.fixture
def make_runner() -> Iterator[Callable[..., ProcessRunner]]:
    runners: list[ProcessRunner] = []

    def make(version: Version = SAME, **budget: Any) -> ProcessRunner:
        runners.append(ProcessRunner(version, ShadowBudget(**budget)))
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
        assert outcome.seconds > 0

    def test_candidate_that_raises_is_told_and_goes_on(
        self, make_runner: Callable[..., ProcessRunner], task: Task
    ) -> None:
        runner = make_runner(Version(model="nano", drill="raises"))
        for _ in range(2):
            with pytest.raises(ShadowError, match="InjectedError: This candidate fails on purpose"):
                runner.run(task)

        assert len(children()) == 1

    def test_candidate_that_hangs_is_ended_and_started_anew(
        self, make_runner: Callable[..., ProcessRunner], task: Task
    ) -> None:
        runner = make_runner(Version(model="nano", drill="hangs"), timeout_s=0.2)
        for _ in range(2):
            with pytest.raises(ShadowError, match=r"no answer within 0\.2 s"):
                runner.run(task)

        assert children() == []

    def test_candidate_that_eats_memory_is_stopped_at_its_bound(
        self, make_runner: Callable[..., ProcessRunner], task: Task
    ) -> None:
        runner = make_runner(Version(model="nano", drill="eats_memory"), memory_mb=256)

        def run_often() -> None:
            for _ in range(6):
                runner.run(task)

        with pytest.raises(ShadowError, match=r"(?i)memory|its process ended"):
            run_often()

        assert sum(child.memory_info().rss for child in children()) < 1 << 30

    def test_picture_that_cannot_be_read_is_told(
        self, make_runner: Callable[..., ProcessRunner]
    ) -> None:
        with pytest.raises(ShadowError, match="ImageError: This is not a picture"):
            make_runner().run(Task(b"no picture", 100, 0.5, 0.3))

    def test_detector_that_cannot_be_loaded_is_told(
        self, make_runner: Callable[..., ProcessRunner], task: Task
    ) -> None:
        runner = make_runner(Version(model="nano", engine="steam"))

        with pytest.raises(ShadowError, match="cannot be loaded: ValueError: `engine` must be"):
            runner.run(task)

    @pytest.mark.parametrize(
        ("drill", "reason"),
        [
            pytest.param("raises", "InjectedError: This candidate fails on purpose", id="raises"),
            pytest.param("hangs", r"no answer within 0\.5 s", id="hangs"),
            pytest.param("eats_memory", "[Mm]emory|its process ended", id="memory"),
        ],
    )
    def test_candidate_that_fails_when_it_is_tried_is_refused(
        self, tmp_path: Path, drill: Any, reason: str
    ) -> None:
        budget = ShadowBudget(timeout_s=0.5 if drill == "hangs" else 60, memory_mb=256)
        with pytest.raises(UnusableVersion, match=f"tried first: .*({reason})"):
            try_version(Version(model="nano", drill=drill), budget, tmp_path)

        assert children() == []

    def test_closing_ends_a_candidate_in_the_middle_of_a_picture(
        self,
        make_runner: Callable[..., ProcessRunner],
        task: Task,
    ) -> None:
        runner, said = make_runner(Version(model="nano", drill="hangs"), timeout_s=600), list[str]()

        def run() -> None:
            try:
                runner.run(task)
            except ShadowError as error:
                said.append(str(error))

        thread = threading.Thread(target=run)
        thread.start()
        wait_until(children, "the process to start")
        runner.close()
        thread.join(60)

        assert said == ["its process ended"] or "cannot be loaded" in said[0]
        assert children() == []
        with pytest.raises(ShadowError, match="it was stopped"):
            runner.run(task)


class Held:
    """A runner that answers once its gate is open."""

    def __init__(self, answer: Detections) -> None:
        self.gate = threading.Event()
        self.answer = answer

    def run(self, task: Task) -> Outcome:
        assert self.gate.wait(60)
        return Outcome(self.answer, 0.001)

    def close(self) -> None:
        self.gate.set()


@pytest.fixture
def make_shadow() -> Iterator[Callable[..., Any]]:
    """Makes shadows, and lists of what they compared and lost."""
    shadows: list[Shadow] = []

    def make(
        runner: Any, role: Role = "candidate", **budget: Any
    ) -> tuple[Shadow, list[ComparisonRecord], list[tuple[str, str]]]:
        compared: list[ComparisonRecord] = []
        lost: list[tuple[str, str]] = []
        shadow = Shadow(
            runner,
            "nano@shadow",
            role,
            ShadowBudget(**{"busy_share": 1.0, **budget}),
            on_comparison=compared.append,
            on_lost=lambda answer, *loss: lost.append(loss),
        )
        shadows.append(shadow)
        return shadow, compared, lost

    yield make
    for shadow in shadows:
        shadow.close()


@pytest.fixture
def answer(apples_found: Detections) -> Callable[..., AnswerRecord]:
    def make(request_id: str = "r", role: str = "stable") -> AnswerRecord:
        return AnswerRecord(request_id, 0, 1, role, "nano", apples_found, 0.01, (64, 48))

    return make


Make = Callable[..., Any]


def test_answers_are_compared_in_their_order(
    make_shadow: Make,
    answer: Make,
    task: Task,
    apples_found: Detections,
) -> None:
    runner = Held(apples_found)
    shadow, compared, lost = make_shadow(runner, queue_size=10)
    for number in range(5):
        shadow.offer(answer(str(number)), task)
    runner.gate.set()
    wait_until(lambda: len(compared) == 5, "the comparisons")

    assert [record.answer.request_id for record in compared] == list("01234")
    assert all(record.diff.agrees and record.picture is None for record in compared)
    assert {record.answer.model for record in compared} == {"nano@shadow"}
    assert lost == []


def test_stable_in_the_shadow_is_the_baseline_of_the_candidates_answer(
    make_shadow: Make,
    answer: Make,
    task: Task,
    apples_found: Detections,
) -> None:
    runner = Held(apples_found[:0])
    shadow, compared, _ = make_shadow(runner, role="stable")
    runner.gate.set()
    shadow.offer(answer(role="candidate"), task)
    wait_until(lambda: compared, "the comparison")

    (record,) = compared
    assert (record.answer.role, record.answer.model) == ("candidate", "nano")
    assert (record.diff.missed, record.diff.extra) == (0, len(apples_found))
    assert record.baseline_s == 0.001


def test_offers_beyond_the_budget_are_skipped_at_once(
    make_shadow: Make,
    answer: Make,
    task: Task,
    apples_found: Detections,
) -> None:
    runner = Held(apples_found)
    shadow, compared, lost = make_shadow(runner, queue_size=2)
    for number in range(20):
        shadow.offer(answer(str(number)), task)
    assert set(lost) == {("skipped", "the budget is used up")}
    assert len(lost) >= 17
    runner.gate.set()

    wait_until(lambda: len(compared) + len(lost) == 20, "the rest")


def test_only_a_sample_is_compared(
    make_shadow: Make, answer: Make, task: Task, apples_found: Detections
) -> None:
    shadow, _, lost = make_shadow(Held(apples_found), sample=0.5, queue_size=100)
    for number in range(100):
        shadow.offer(answer(str(number)), task)

    assert 30 < lost.count(("skipped", "not in the sample")) < 70


@pytest.mark.parametrize(("keep", "kept"), [(0, False), (5, True)])
def test_picture_of_a_disagreement_is_kept_only_when_wanted(
    make_shadow: Make,
    answer: Make,
    task: Task,
    apples_found: Detections,
    keep: int,
    kept: bool,
) -> None:
    runner = Held(apples_found[:0])
    shadow, compared, _ = make_shadow(runner, keep_pictures=keep)
    runner.gate.set()
    shadow.offer(answer(), task)
    wait_until(lambda: compared, "the comparison")

    assert not compared[0].diff.agrees
    assert (compared[0].picture is not None) == kept
    if kept:
        assert max(pixels_of(compared[0].picture).shape) <= 640


def test_detector_of_this_process_runs_in_the_shadows_thread(
    make_shadow: Make, answer: Make, task: Task
) -> None:
    def fail() -> Any:
        raise RuntimeError("no such thing")

    shadow, _, lost = make_shadow(ThreadRunner(fail))
    shadow.offer(answer(), task)
    wait_until(lambda: lost, "the failure")

    assert lost == [("failed", "RuntimeError: no such thing")]


def test_stable_in_the_shadow_runs_in_its_own_workers(task: Task, apples_found: Detections) -> None:
    pool = ThreadPool(default="nano", settings=Settings(workers=1, model="nano"))
    runner = PoolRunner(RunningVersion(SAME, pool), timeout_s=60)

    assert len(runner.run(task).detections) == len(apples_found)
    pool.close(5)
    with pytest.raises(ShadowError, match="PoolClosed: The server is shutting down"):
        runner.run(task)
