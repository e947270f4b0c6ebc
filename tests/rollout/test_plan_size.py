"""The size of a canary."""

from detectlab.rollout.plan_size import size_plan


def test_small_share_takes_longer_and_notices_less() -> None:
    small, large = size_plan(limit=0.05, requests_per_s=1.0, steps=[0.01, 1.0])

    assert small.hours is not None
    assert large.hours is not None
    assert small.hours > 10 * large.hours
    for step in (small, large):
        assert step.stopped[0] <= 0.05  # at the limit
        assert list(step.stopped) == sorted(step.stopped)
    assert small.stopped[1] < 0.2
    assert large.stopped[1] > 0.95


def test_step_takes_at_least_its_time() -> None:
    (step,) = size_plan(limit=0.2, requests_per_s=10.0, steps=[1.0], step_every_s=7200.0)

    assert step.hours == 2.0


def test_step_that_would_take_too_many_answers_says_so() -> None:
    (step,) = size_plan(limit=0.0005, requests_per_s=1.0, steps=[0.1])

    assert step.hours is None
