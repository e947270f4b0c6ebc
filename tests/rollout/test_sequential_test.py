"""Sequential tests: how seldom they are wrong, and how soon they are right."""

import numpy as np
import pytest

from detectlab.sequential_test import RecentShare, SequentialTest, wilson_interval

RUNS = 400


def simulate(
    limit: float, rate: float, count: int, *, baseline: float = 0.0
) -> tuple[SequentialTest, np.ndarray]:
    """Tests of `RUNS` candidates over an hour, and the observation at which each stopped."""
    rng = np.random.default_rng(7)
    test = SequentialTest(limit, alpha=0.05, beta=0.05, runs=RUNS)
    stopped = np.full(RUNS, np.inf)
    for number in range(count):
        test.observe(rng.random(RUNS) < rate, at=3600 * number / count, baseline=baseline)
        stopped[test.stop & np.isinf(stopped)] = number + 1
    return test, stopped


@pytest.mark.parametrize(("limit", "clean"), [(0.02, 190), (0.05, 75), (0.2, 18)])
def test_go_takes_as_many_clean_answers_as_it_says(limit: float, clean: int) -> None:
    test = SequentialTest(limit, alpha=0.05, beta=0.05)
    assert test.missing() == clean
    for number in range(clean):
        assert not test.go
        assert test.missing() == clean - number
        test.observe(False, at=number)

    assert test.go
    assert test.missing() == 0
    test.restart_go()
    assert test.missing() == clean


def test_without_observations_nothing_is_known() -> None:
    test = SequentialTest(0.05, alpha=0.05, beta=0.05)

    assert not test.stop
    assert not test.go


def test_candidate_at_the_limit_is_seldom_stopped_however_often_one_looks() -> None:
    _, stopped = simulate(0.05, 0.05, 3600)

    assert np.isfinite(stopped).mean() <= 0.05


def test_candidate_far_below_the_limit_is_not_stopped_and_gets_its_go() -> None:
    test, stopped = simulate(0.05, 0.01, 1800)

    assert np.isfinite(stopped).mean() <= 0.01
    assert test.go.mean() > 0.99


def test_candidate_at_twice_the_limit_is_stopped_and_gets_no_go() -> None:
    test, stopped = simulate(0.05, 0.1, 1800)

    assert np.isfinite(stopped).mean() >= 0.95
    assert test.go.mean() <= 0.05


def test_candidate_that_always_fails_is_stopped_at_its_third_answer() -> None:
    _, stopped = simulate(0.05, 1.0, 10)

    assert set(stopped) == {3.0}


def test_failures_that_stable_shares_are_no_evidence() -> None:
    _, alone = simulate(0.05, 0.3, 100)
    _, together = simulate(0.05, 0.3, 100, baseline=0.4)
    _, outage = simulate(0.05, 1.0, 1000, baseline=1.0)

    assert np.isfinite(alone).mean() > 0.99
    assert np.isfinite(together).mean() <= 0.02
    assert not np.isfinite(outage).any()


def test_recent_share_forgets_what_is_old_and_needs_a_bad_one() -> None:
    share = RecentShare()
    assert share.upper_bound(0.0) == 0
    for number in range(20):
        share.observe(number < 10, at=float(number))

    assert share.upper_bound(19.0) > 0.3
    assert share.upper_bound(40.0) > 0.3  # ten of the last thirty
    assert share.upper_bound(1000.0) == pytest.approx(0)


def test_recent_share_rises_with_the_first_failures() -> None:
    share = RecentShare()
    for number in range(300):
        share.observe(False, at=number / 10)
    share.observe(True, at=30.0)

    assert share.upper_bound(30.0) > 0.8  # one of the last three


def test_interval_of_nothing_is_everything() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    low, high = wilson_interval(0, 100)
    assert (low, round(high, 3)) == (0.0, 0.037)
