"""Guard rails: what stops a candidate, and what does not."""

import threading
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest

from detectlab.rollout.guard_rails import Watch, WatchedDetector
from detectlab.rollout.plan import GuardRails, SideName
from detectlab.vision.detections import Detections

PICTURE = np.zeros((8, 8, 3), np.uint8)


class Scripted:
    """Takes as long as it is told, or fails."""

    name, names = "scripted", ("apple",)

    def __init__(self, seconds: float = 0.0, fails: bool = False) -> None:
        self.pause = threading.Event()
        self.seconds = seconds
        self.fails = fails

    def detect(
        self, image: object, confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        self.pause.wait(self.seconds)
        if self.fails:
            raise RuntimeError("broken")
        return Detections.empty(self.names)


def watch_calls(watch: Watch, side: SideName, detector: Scripted, count: int) -> list[object]:
    seen: list[object] = []
    watched = WatchedDetector(detector, watch, side, lambda seconds, error: seen.append(error))
    for _ in range(count):
        with suppress(RuntimeError):
            watched.detect(PICTURE)
    return seen


def test_candidate_that_fails_often_is_stopped() -> None:
    watch = Watch()
    watch_calls(watch, "candidate", Scripted(), 7)
    seen = watch_calls(watch, "candidate", Scripted(fails=True), 3)

    reason = watch.verdict(GuardRails())

    assert reason == "3 of its last 10 detections failed: 30%, at most 5% are allowed"
    assert [str(error) for error in seen] == ["broken"] * 3


def test_two_failures_are_put_down_to_chance() -> None:
    watch = Watch()
    watch_calls(watch, "candidate", Scripted(fails=True), 2)

    assert watch.verdict(GuardRails()) is None
    assert "2 of its last 2" in str(watch.verdict(GuardRails(min_bad=2)))


def test_failures_of_stable_are_not_held_against_the_candidate() -> None:
    watch = Watch()
    watch_calls(watch, "stable", Scripted(fails=True), 20)

    assert watch.verdict(GuardRails()) is None


def test_candidate_that_is_slower_than_stable_allows_is_stopped() -> None:
    watch = Watch()
    watch_calls(watch, "stable", Scripted(), 30)
    watch_calls(watch, "candidate", Scripted(0.2), 3)

    assert "times the stable one's" in str(watch.verdict(GuardRails()))
    assert watch.verdict(GuardRails(max_p95_ratio=None)) is None


def test_next_watch_knows_what_stable_takes_and_forgives_the_candidate() -> None:
    first = Watch()
    watch_calls(first, "stable", Scripted(), 30)
    watch_calls(first, "candidate", Scripted(fails=True), 3)

    second = Watch(first)

    assert second.verdict(GuardRails()) is None
    watch_calls(second, "candidate", Scripted(0.2), 3)
    assert "times the stable one's" in str(second.verdict(GuardRails()))


def test_candidate_above_the_absolute_limit_is_stopped() -> None:
    watch = Watch()
    watch_calls(watch, "candidate", Scripted(0.02), 3)

    assert "above `max_p95_ms`" in str(watch.verdict(GuardRails(max_p95_ms=10)))


@pytest.mark.parametrize("count", [1, 3])
def test_detections_that_never_end_are_noticed(wait_until: Callable[..., None], count: int) -> None:
    watch, hanging = Watch(), Scripted(60)
    threads = [
        threading.Thread(target=watch_calls, args=(watch, "candidate", hanging, 1))
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()

    wait_until(lambda: watch.verdict(GuardRails(max_p95_ms=50)), "the verdict")

    hanging.pause.set()
    for thread in threads:
        thread.join()


def test_candidate_that_disagrees_too_often_is_stopped() -> None:
    watch = Watch()
    for agrees in [True] * 5 + [False] * 5:
        watch.note_pair(agrees)

    reason = watch.verdict(GuardRails(max_disagreement=0.3))
    assert reason == "it disagrees about 5 of 10 pictures: 50%, at most 30% are allowed"
    assert watch.verdict(GuardRails(max_disagreement=0.5)) is None
    assert watch.verdict(GuardRails()) is None


def test_what_is_long_ago_does_not_count(wait_until: Callable[..., None]) -> None:
    watch = Watch()
    watch_calls(watch, "candidate", Scripted(fails=True), 3)

    assert watch.verdict(GuardRails()) is not None
    wait_until(lambda: watch.verdict(GuardRails(window_s=0.05)) is None, "the window to pass")


@pytest.mark.parametrize("field", ["max_error_rate", "max_disagreement"])
def test_rail_of_zero_allows_nothing(field: str) -> None:
    watch = Watch()
    watch_calls(watch, "candidate", Scripted(fails=True), 1)
    watch.note_pair(False)

    only = {"max_error_rate": None, "max_p95_ratio": None, field: 0.0}
    assert watch.verdict(GuardRails(min_bad=1, **only)) is not None
