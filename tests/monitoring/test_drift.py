"""Regions, evidence and distances: what is drift, and what is not."""

from collections.abc import Callable
from math import comb

import numpy as np
import pytest

from detectlab.monitoring.drift import (
    SUSPICIOUS,
    THRESHOLD,
    DriftTest,
    grouped,
    jensen_shannon,
    population_stability_index,
)
from detectlab.monitoring.regions import Regions, upper_bound
from detectlab.monitoring.sketch import Sketch
from detectlab.monitoring.statistics import NAMES, Indices


@pytest.mark.parametrize(("count", "total"), [(0, 50), (3, 50), (40, 100)])
def test_upper_bound_leaves_the_probability_that_it_says(count: int, total: int) -> None:
    p = upper_bound(count, total, miss=0.01)

    below = sum(comb(total, k) * p**k * (1 - p) ** (total - k) for k in range(count + 1))
    assert below == pytest.approx(0.01, rel=1e-6)
    assert upper_bound(5, 5) == 1


def test_regions_are_rarer_than_their_limits(
    usual: Sketch, usual_bins: Callable[..., Indices]
) -> None:
    regions, rng = Regions.of(usual), np.random.default_rng(5)
    hits = np.mean([regions.hits(usual_bins(rng))[0] for _ in range(4000)], axis=0)

    assert len(hits) > 15
    assert (hits <= regions.limits).all()
    names = {regions.name(index) for index in range(len(hits))}
    assert names == {"brightness", "sharpness", "objects", "first_class"}


def test_pictures_of_the_baselines_kind_raise_no_alarm(
    usual: Sketch, usual_bins: Callable[..., Indices]
) -> None:
    test, rng = DriftTest(Regions.of(usual)), np.random.default_rng(2)

    assert not any(test.observe(usual_bins(rng)) for _ in range(5000))


@pytest.mark.parametrize(
    ("shift", "direction"),
    [
        pytest.param({"brightness": -80.0}, "lower", id="darker"),
        pytest.param({"objects": 6.0}, "higher", id="more objects"),
        pytest.param({"first_class": 7.0}, "more often", id="new class"),
    ],
)
def test_shift_is_noticed_and_named(
    usual: Sketch, usual_bins: Callable[..., Indices], shift: dict[str, float], direction: str
) -> None:
    test, rng = DriftTest(Regions.of(usual)), np.random.default_rng(3)
    assert not any(test.observe(usual_bins(rng)) for _ in range(300))

    count = next(n for n in range(1, 100) if test.observe(usual_bins(rng, **shift)))

    (name, where, age), *_ = test.strongest()
    assert (name, where) == (next(iter(shift)), direction)
    assert count - 3 <= age <= count + 30
    test.restart()
    assert test.evidence == 0


def test_evidence_grows_by_at_most_one_bet_a_picture_at_the_limit() -> None:
    """The mean over all outcomes of the summed capital after n pictures is at most n."""
    sketch = Sketch()
    sketch.counts[NAMES.index("objects"), :2] = 50
    sketch.pictures = 100
    regions = Regions.of(sketch)
    bins = np.full((2, len(NAMES)), -1, np.int16)
    bins[:, NAMES.index("objects")] = 0, 1
    for index, limit in enumerate(regions.limits):
        if regions.members[index, :2].sum() != 1:
            continue  # never hit by one of the two bins
        mean = 0.0
        for outcomes in range(2**6):
            test, weight = DriftTest(regions), 1.0
            for place in range(6):
                is_hit = bool(outcomes >> place & 1)
                member = int(regions.members[index, 1] == is_hit)
                weight *= limit if is_hit else 1 - limit
                test.observe(bins[member])
            mean += weight * test.capital[index]
        assert mean == pytest.approx(6)


def test_distances_of_equal_and_disjoint_shares(usual: Sketch) -> None:
    same = grouped(usual, usual, name="brightness")
    assert population_stability_index(*same) == jensen_shannon(*same) == 0

    far = np.array([0.999, 0.001]), np.array([0.001, 0.999])
    assert population_stability_index(*far) > 10
    assert jensen_shannon(*far) == pytest.approx(1, abs=0.05)
    assert all(shares.sum() == pytest.approx(1) for shares in (*same, *far))


def test_empty_window_has_finite_distances(usual: Sketch) -> None:
    for name in NAMES:
        assert np.isfinite(population_stability_index(*grouped(usual, Sketch(), name=name)))


def test_empty_baseline_gives_no_evidence() -> None:
    test = DriftTest(Regions.of(Sketch()))

    assert not test.observe(np.zeros(len(NAMES), np.int16))
    assert test.evidence == 0


def test_evidence_of_all_regions_grows_by_one_bet_a_picture() -> None:
    """Stakes sum to 1: bets that neither win nor lose have the capital of their number."""
    sketch = Sketch(pictures=100)
    sketch.counts[:, :2] = 50
    test = DriftTest(Regions.of(sketch))
    for _ in range(3):
        test._capital += 1

    assert test.evidence == pytest.approx(3 / THRESHOLD)


def test_detector_that_finds_nothing_is_noticed_where_most_pictures_are_empty() -> None:
    sketch = Sketch(pictures=1000)
    sketch.counts[NAMES.index("objects"), :2] = 750, 250
    test, bins = DriftTest(Regions.of(sketch)), np.full(len(NAMES), -1, np.int16)
    bins[NAMES.index("objects")] = 1
    for _ in range(3):
        test.observe(bins)
    bins[NAMES.index("objects")] = 0

    found = [(test.observe(bins), test.evidence >= SUSPICIOUS) for _ in range(50)]

    alarms, suspicions = zip(*found, strict=True)
    assert suspicions.index(True) < alarms.index(True)
