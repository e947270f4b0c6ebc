"""Guard rails: what stops a candidate, what lets it pass, and what is not enough yet."""

from typing import Any, ClassVar

import numpy as np
import pytest
from testing import wait_until

from detectlab.rollout.guard import Guard, StableLatency
from detectlab.rollout.plan import GuardRails, Role
from detectlab.rollout.rails.base import GuardRail, Observation, RailStatus, Verdict
from detectlab.rollout.rails.registry import GUARD_RAILS

OFF: dict[str, Any] = {"max_error_rate": None, "max_p95_ratio": None, "max_memory_growth_mb": None}


def show(
    guard: Guard,
    count: int,
    *,
    role: Role = "candidate",
    kind: Any = "answer",
    at: float = 0.0,
    client: str = "",
    **facts: Any,
) -> None:
    """Let a guard see observations, each of another client unless one is named."""
    for number in range(count):
        name = client or f"{role}-{kind}-{at}-{number}-{facts}"
        guard.observe(Observation(kind, role, name, at + number / 100, **facts))


def guard_of(**limits: Any) -> Guard:
    return Guard(GuardRails(**{**OFF, **limits}), StableLatency(), deadline_s=5.0)


def verdict_of(guard: Guard) -> str:
    (status,) = guard.statuses()
    return status.verdict


def test_candidate_that_fails_is_stopped_with_the_reason() -> None:
    guard = guard_of(max_error_rate=0.05)
    show(guard, 7)
    assert guard.stop_reason() is None
    show(guard, 5, failed=True)

    assert guard.stop_reason() == "5 of 12 answers failed: 42%, at most 5% are allowed"


def test_one_failure_of_few_is_not_enough_for_any_verdict() -> None:
    guard = guard_of(max_error_rate=0.05)
    show(guard, 10)
    show(guard, 1, failed=True)

    (status,) = guard.statuses()
    assert status.verdict == "wait"
    assert status.text.startswith("1 of 11 answers failed; about ")
    assert status.observed == pytest.approx(1 / 11)
    assert status.interval is not None
    assert status.interval[0] < 1 / 11 < status.interval[1]


def test_candidate_that_keeps_the_limit_may_take_the_next_step_and_earns_the_one_after() -> None:
    guard = guard_of(max_error_rate=0.05)
    show(guard, 75)
    assert guard.missing_evidence(has_traffic=True) is None

    guard.restart_go()

    assert "about 75 more good ones" in str(guard.missing_evidence(has_traffic=True))


def test_client_that_retries_counts_once_in_five_minutes() -> None:
    guard = guard_of(max_error_rate=0.05)
    show(guard, 50, client="ada", failed=True)
    assert guard.statuses()[0].seen == 1
    show(guard, 50, client="ada", failed=True, at=301.0)

    assert guard.statuses()[0].seen == 2
    assert guard.stop_reason() is None


def test_failures_of_stable_alone_stop_nothing() -> None:
    guard = guard_of(max_error_rate=0.05)
    show(guard, 50, role="stable", failed=True)

    assert guard.stop_reason() is None


def test_candidate_is_not_blamed_for_what_stable_fails_too() -> None:
    alone, together = guard_of(max_error_rate=0.05), guard_of(max_error_rate=0.05)
    for number in range(100):
        for guard in (alone, together):
            show(guard, 1, at=number / 10, failed=number % 3 == 0, client=f"c{number}")
        show(together, 1, role="stable", at=number / 10, failed=number % 3 == 0)

    assert alone.stop_reason() is not None
    assert together.stop_reason() is None


@pytest.mark.parametrize(("stable_fails", "is_stopped"), [(True, False), (False, True)])
def test_failures_wait_for_what_stable_does_next(stable_fails: bool, is_stopped: bool) -> None:
    guard = guard_of(max_error_rate=0.05)
    show(guard, 1, role="stable")
    show(guard, 5, at=1.0, failed=True)
    assert guard.stop_reason() is None

    show(guard, 1, role="stable", at=2.0, failed=stable_fails)

    assert bool(guard.stop_reason()) is is_stopped


def test_failures_do_not_wait_long_when_stable_answers_nothing_any_more() -> None:
    guard = guard_of(max_error_rate=0.05)
    show(guard, 1, role="stable")
    show(guard, 13, at=1.0, failed=True)
    assert guard.stop_reason() == "13 of 13 answers failed: 100%, at most 5% are allowed"

    later = guard_of(max_error_rate=0.05)
    show(later, 1, role="stable")
    show(later, 3, at=200.0, failed=True)
    assert later.stop_reason() == "3 of 3 answers failed: 100%, at most 5% are allowed"


def test_answer_above_the_ceiling_is_a_failure_by_default_above_the_deadline() -> None:
    by_deadline, by_limit = (
        guard_of(max_error_rate=0.05),
        guard_of(max_error_rate=0.05, max_seconds=0.5),
    )
    for guard in (by_deadline, by_limit):
        show(guard, 5, seconds=1.0)

    assert by_deadline.stop_reason() is None
    assert "5 of 5 answers failed" in str(by_limit.stop_reason())
    show(by_deadline, 5, seconds=6.0)
    assert "5 of 10 answers failed" in str(by_deadline.stop_reason())


def test_candidate_that_is_slower_than_stable_allows_is_stopped() -> None:
    guard = guard_of(max_p95_ratio=3.0)
    show(guard, 30, role="stable", seconds=0.1)
    show(guard, 20, seconds=0.25)
    assert guard.stop_reason() is None
    show(guard, 10, seconds=0.5)
    show(guard, 1, role="stable", at=1.0, seconds=0.1)

    assert "10 of 30 detections were too slow" in str(guard.stop_reason())
    assert "its 95th percentile may be 300 ms" in str(guard.stop_reason())


def test_candidate_above_the_absolute_limit_is_stopped_without_stable() -> None:
    guard = guard_of(max_p95_ms=10)
    show(guard, 5, seconds=0.02)

    assert "its 95th percentile may be 10 ms" in str(guard.stop_reason())


def test_while_stable_is_unknown_only_what_is_far_slower_than_its_warm_up_is_bad() -> None:
    latency = StableLatency()
    latency.warm_up_s = 0.1
    guard = Guard(GuardRails(**{**OFF, "max_p95_ratio": 3.0}), latency)
    show(guard, 50, seconds=1.0)
    assert guard.statuses()[0].seen == 0  # may be the load: no evidence for either verdict
    show(guard, 5, seconds=4.0)

    assert "5 of 5 detections were too slow" in str(guard.stop_reason())


def test_next_guard_knows_the_latency_of_the_same_stable_version() -> None:
    latency = StableLatency([0.1] * 30)
    guard = Guard(GuardRails(), latency)
    show(guard, 5, seconds=1.0)

    assert "its 95th percentile may be 300 ms" in str(guard.stop_reason())


@pytest.mark.parametrize("limits", [{"max_p95_ms": 50}, {"max_error_rate": 0.05}])
@pytest.mark.parametrize("waiting", [0, 6])
def test_detections_that_never_end_are_noticed(waiting: int, limits: dict[str, float]) -> None:
    guard = guard_of(**limits, max_seconds=0.05)
    watching = [
        *(guard.watching("candidate", f"d{n}", is_detecting=True) for n in range(4 - waiting // 3)),
        *(guard.watching("candidate", f"w{n}", is_detecting=False) for n in range(waiting)),
    ]
    for one in watching:
        one.__enter__()

    def is_stopped() -> bool:
        guard.check_running(workers=2)
        return guard.stop_reason() is not None

    wait_until(is_stopped, "the verdict")


def test_requests_that_wait_for_workers_which_go_on_are_no_evidence() -> None:
    guard = guard_of(max_p95_ms=50)
    for number in range(20):
        guard.watching("candidate", f"w{number}", is_detecting=False).__enter__()
    guard.watching("candidate", "d", is_detecting=True).__enter__()
    guard.check_running(workers=2)

    assert guard.statuses()[0].seen == 0


def test_candidate_that_disagrees_too_often_is_stopped() -> None:
    guard = guard_of(max_disagreement=0.2)
    show(guard, 5, kind="comparison")
    show(guard, 12, kind="comparison", agrees=False)

    assert "12 of 17 compared pictures differ: 71%" in str(guard.stop_reason())


def test_people_are_a_rail_of_their_own() -> None:
    guard = guard_of(max_disagreement=0.2, max_judged_wrong=0.2)
    show(guard, 100, kind="comparison")
    show(guard, 12, kind="judgement", agrees=False)

    assert guard.stop_reason() == "12 of 12 judged answers are wrong: 100%, at most 20% are allowed"


def test_memory_that_grows_beyond_the_limit_stops_the_candidate() -> None:
    guard = guard_of(max_memory_growth_mb=64)
    show(guard, 30, seconds=0.1)
    assert verdict_of(guard) == "go"

    leak = np.ones(128 << 20, np.uint8)
    show(guard, 1, seconds=0.1)

    assert leak.all()
    assert "at most 64 MB are allowed" in str(guard.stop_reason())


def test_memory_of_a_detector_that_is_loaded_meanwhile_is_not_the_candidates() -> None:
    loaded = ["nano"]
    limits = GuardRails(**{**OFF, "max_memory_growth_mb": 64})
    guard = Guard(limits, StableLatency(), loaded=lambda: tuple(loaded))
    show(guard, 30, seconds=0.1)

    leak = np.ones(128 << 20, np.uint8)
    loaded.append("yolov4")
    show(guard, 1, seconds=0.1)

    assert leak.all()
    assert guard.stop_reason() is None


def test_rails_that_need_traffic_count_for_no_step_out_of_the_shadow() -> None:
    guard = Guard(GuardRails(), StableLatency())
    show(guard, 80, seconds=None)

    assert guard.missing_evidence(has_traffic=False) is None
    assert "latency" in str(guard.missing_evidence(has_traffic=True))


def test_without_any_rail_there_is_no_evidence() -> None:
    assert "no guard rail is watched" in str(guard_of().missing_evidence(has_traffic=True))


class NightRail(GuardRail):
    """A rail of another package: stops a candidate after a number of answers."""

    name: ClassVar[str] = "night"
    seen = 0

    @classmethod
    def limit_of(cls, limits: GuardRails) -> float:
        return 3

    def observe(self, observation: Observation) -> None:
        self.seen += observation.role == "candidate"

    def restart_go(self) -> None:
        pass

    def verdict(self) -> Verdict:
        return "stop" if self.seen >= 3 else "go"

    def status(self) -> RailStatus:
        text = f"{self.seen} answers at night"
        return RailStatus(
            name=self.name,
            verdict=self.verdict(),
            text=text,
            limit=self.limit,
            observed=None,
            interval=None,
            seen=self.seen,
            missing=0,
        )


def test_rail_of_another_package_needs_only_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GUARD_RAILS, NightRail.name, NightRail)
    guard = Guard(GuardRails(), StableLatency())
    assert "night" in [status.name for status in guard.statuses()]
    show(guard, 3)

    assert guard.stop_reason() == "3 answers at night"
