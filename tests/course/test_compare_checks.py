"""Checks of the comparison's exercises: typical wrong answers, and right ones of several forms."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from detectlab.course.compare_checks import (
    check_average_precision,
    check_pick,
    check_place,
    check_work_ratio,
)


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(lambda a, b: b / a, "that is the ratio of the sides", id="side"),
        pytest.param(lambda a, b: (a / b) ** 2, "it is upside down", id="upside-down"),
        pytest.param(lambda a, b: (b / a) ** 3, "two sides, not three", id="cube"),
        pytest.param(lambda a, b: b**2 - a**2, "the difference, not the ratio", id="difference"),
        pytest.param(lambda a, b: b**2 // a**2, "drop the decimals", id="floor"),
        pytest.param(lambda a, b: round((b / a) ** 2), "drop the decimals", id="round"),
        pytest.param(lambda a, b: (b // a) ** 2, "decimals of the ratio", id="floor-first"),
        pytest.param(lambda a, b: b / a**2, "put brackets around the ratio", id="brackets"),
        pytest.param(lambda a, b: b**2 / a, "square both sides", id="one-square"),
        pytest.param(lambda a, b: 7.367, "yours gives the same each time", id="only-shown"),
        pytest.param(lambda a, b: (b / a) ** 2 - 1, "Yours says 3", id="minus-one"),
        pytest.param(lambda a, b: (b**2, a**2), "Yours is (173056, 43264)", id="pair"),
        pytest.param(lambda a, b: 4, "are 9 times 100 x 100. Yours says 4", id="constant"),
        pytest.param(lambda a, b: f"{b / a}", "should be a number. Yours is '2.0'", id="text"),
        pytest.param(lambda a: a, "TypeError", id="arguments"),
        pytest.param(lambda a, b: None, "is there a `return`?", id="none"),
    ],
)
def test_work_ratio_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_work_ratio, attempt)


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(lambda a, b: (b / a) ** 2, id="square"),
        pytest.param(lambda a, b: np.float64(b * b) / (a * a), id="pixels"),
        pytest.param(lambda a, b: Fraction(b, a) ** 2, id="fraction"),
    ],
)
def test_work_ratio_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_work_ratio, attempt).startswith("Correct. ")


def at_right(verdicts):
    hits = [rank for rank, right in enumerate(verdicts, start=1) if right]
    return [number / rank for number, rank in enumerate(hits, start=1)]


def of_every_rank(verdicts, objects):
    return sum(sum(verdicts[:rank]) / rank for rank in range(1, len(verdicts) + 1)) / len(verdicts)


def too_early(verdicts, objects):
    for rank, right in enumerate(verdicts, start=1):
        if right:
            return sum(verdicts[:rank]) / rank / objects
    return 0.0


def interpolated(verdicts, objects):
    so_far = [sum(verdicts[:rank]) / rank for rank in range(1, len(verdicts) + 1)]
    return sum(max(so_far[i:]) for i, right in enumerate(verdicts) if right) / objects


def from_two(verdicts, objects):
    hits = [rank for rank, right in enumerate(verdicts, start=2) if right]
    return sum(number / rank for number, rank in enumerate(hits, start=1)) / objects


def uses_up(verdicts, objects):
    right, rank, total = 0, 0, 0.0
    while verdicts:
        rank += 1
        if verdicts.pop(0):
            right += 1
            total += right / rank
    return total / objects


def from_zero(verdicts, objects):
    return sum(rank / rank for rank, right in enumerate(verdicts) if right) / objects


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(lambda v, n: sum(v) / n, "that is the recall", id="recall"),
        pytest.param(lambda v, n: sum(v) / len(v), "precision of the whole list", id="precision"),
        pytest.param(
            lambda v, n: sum(at_right(v)) / sum(v), "so that a missed one costs", id="found-only"
        ),
        pytest.param(of_every_rank, "at right boxes only", id="every-rank"),
        pytest.param(lambda v, n: sum(at_right(v)), "divide the sum by the objects", id="sum"),
        pytest.param(from_zero, "ZeroDivisionError: division by zero", id="from-zero"),
        pytest.param(lambda v, n: 0.5, "is 0.417. Yours is 0.500", id="constant"),
        pytest.param(too_early, "does the loop return too early?", id="early"),
        pytest.param(interpolated, "not the best one below", id="interpolated"),
        pytest.param(from_two, "the first rank is 1", id="from-two"),
        pytest.param(uses_up, "changes what it gets, to []", id="in-place"),
        pytest.param(lambda v, n: sum(at_right(v)) / len(v), "not by the boxes", id="boxes"),
        pytest.param(
            lambda v, n: (1 + 2 / 3) / 4, "yours gives the same each time", id="only-shown"
        ),
        pytest.param(lambda v, n: round(sum(at_right(v)) / n, 2), "Yours is 0.420", id="rounded"),
        pytest.param(lambda v, n: round(sum(at_right(v)) / n, 3), "without rounding", id="rounded"),
        pytest.param(lambda v, n: at_right(v), "should be a number. Yours is [1.0", id="list"),
        pytest.param(lambda v, n: None, "is there a `return`?", id="none"),
    ],
)
def test_average_precision_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_average_precision, attempt)


def with_numpy(verdicts, objects):
    right = np.array(verdicts)
    return (right.cumsum() / np.arange(1, len(right) + 1) * right).sum() / objects


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(lambda v, n: sum(at_right(v)) / n, id="list"),
        pytest.param(lambda v, n: sum(map(Fraction, at_right(v))) / n, id="fractions"),
        with_numpy,
    ],
)
def test_average_precision_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_average_precision, attempt).startswith("Correct. ")


def fitting(rows, max_ms, max_file_mb):
    return [row for row in rows if row.ms <= max_ms and row.file_mb <= max_file_mb]


def best(rows, max_ms, max_file_mb):
    rows = fitting(rows, max_ms, max_file_mb)
    return max(rows, key=lambda row: row.score).name if rows else None


def sorted_first(rows, max_ms, max_file_mb):
    for row in sorted(rows, key=lambda row: -row.score):
        if row.ms <= max_ms and row.file_mb <= max_file_mb:
            return row.name
    return None


def strictly(rows, max_ms, max_file_mb):
    rows = [row for row in rows if row.ms < max_ms and row.file_mb < max_file_mb]
    return max(rows, key=lambda row: row.score).name if rows else None


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(
            lambda r, *limits: max(r, key=lambda one: one.score).name,
            "only small and medium are quick enough. Yours picks large",
            id="best-of-all",
        ),
        pytest.param(lambda *a: fitting(*a)[0].name, "large finds most", id="first"),
        pytest.param(
            lambda r, ms, mb: best(r, ms, 1e9), "small enough, and slow finds more", id="no-size"
        ),
        pytest.param(lambda r, ms, mb: best(r, 1e9, mb), "quick enough. Yours", id="no-time"),
        pytest.param(
            lambda *a: max(fitting(*a), key=lambda one: one.score), "the row's `name`", id="row"
        ),
        pytest.param(
            lambda *a: max(fitting(*a), key=lambda one: one.score).name,
            "ValueError: max()",
            id="empty",
        ),
        pytest.param(
            lambda r, ms, mb: (
                max(
                    (one for one in r if one.ms <= ms or one.file_mb <= mb),
                    key=lambda one: one.score,
                ).name
            ),
            "quick enough. Yours picks large",
            id="or",
        ),
        pytest.param(
            lambda *a: max(fitting(*a), key=lambda one: one.score / one.ms).name,
            "large finds most. Yours picks small",
            id="mixture",
        ),
        pytest.param(lambda *a: [one.name for one in fitting(*a)], "Yours is ['small'", id="list"),
        pytest.param(lambda *a: np.array(fitting(*a)), "return the name of a row, or", id="array"),
        pytest.param(lambda *a: max(one.score for one in fitting(*a)), "Yours is 0.8", id="score"),
        pytest.param(lambda *a: max(one.name for one in fitting(*a)), "Yours picks", id="names"),
        pytest.param(lambda *a: best(*a) or "None", "or None. Yours is 'None'", id="none-text"),
        pytest.param(strictly, "medium just keeps to both limits", id="strictly"),
        pytest.param(lambda *a: best(*a) or "nothing", "or None. Yours is 'nothing'", id="text"),
        pytest.param(lambda *a: print(best(*a) and ""), "is there a `return`?", id="none"),
    ],
)
def test_pick_with_a_mistake_names_it(capsys, attempt, hint):
    check_pick(attempt)

    said = capsys.readouterr().out
    assert "Not yet: " in said
    assert hint in said


def with_arrays(rows, max_ms, max_file_mb):
    rows = fitting(rows, max_ms, max_file_mb)
    print(len(rows), "rows fit")
    return np.str_(rows[np.argmax([row.score for row in rows])].name) if rows else None


def test_pick_that_prints_what_it_tries_is_correct(capsys):
    check_pick(with_arrays)

    assert capsys.readouterr().out.splitlines()[-1].startswith("Correct. ")


@pytest.mark.parametrize("attempt", [best, sorted_first])
def test_pick_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_pick, attempt).startswith("Correct. ")


COMPARISON = SimpleNamespace(
    rows=[
        SimpleNamespace(name=name, score=score, ms=ms, file_mb=5)
        for name, score, ms in (("quick", 0.5, 10), ("good", 0.7, 30))
    ]
)
ANYTHING = {"max_ms": 1000, "max_file_mb": 1000, "min_score": 0}


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(ANYTHING, "decide nothing", id="all-fit"),
        pytest.param(ANYTHING | {"min_score": 0.9}, "no detector fits", id="none-fits"),
        pytest.param(ANYTHING | {"min_score": 60}, "a share from 0 to 1. Yours is 60", id="60"),
        pytest.param(ANYTHING | {"max_ms": "fast"}, "`max_ms` should be a number", id="text"),
        pytest.param(ANYTHING | {"max_ms": None}, "`max_ms` should be a number", id="none"),
        pytest.param(ANYTHING | {"max_ms": float("nan")}, "Yours is nan", id="nan"),
        pytest.param({"max_ms": 1}, "lacks 'max_file_mb', 'min_score'", id="missing"),
        pytest.param(ANYTHING | {"max_msec": 1}, "unknown key, 'max_msec'", id="extra"),
        pytest.param("a zoo", "should be a dictionary. Yours is 'a zoo'", id="sentence"),
        pytest.param(ANYTHING | {"max_ms": -5}, "no detector fits", id="negative"),
        pytest.param(ANYTHING | {"min_score": [0.6]}, "should be a number. Yours is [", id="list"),
        pytest.param(
            ANYTHING | {"min_score": True}, "should be a number. Yours is True", id="bool"
        ),
    ],
)
def test_place_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_place, attempt, COMPARISON)


@pytest.mark.parametrize(
    ("attempt", "named"),
    [
        pytest.param(ANYTHING | {"min_score": 0.6}, "good", id="score"),
        pytest.param(ANYTHING | {"max_ms": np.float64(20)}, "quick", id="time"),
        pytest.param(
            {"max_ms": float("inf"), "max_file_mb": 5, "min_score": 0.7}, "good", id="far"
        ),
    ],
)
def test_place_that_rules_out_some_is_correct(verdict, attempt, named):
    assert verdict(check_place, attempt, COMPARISON) == f"Correct. There you could use {named}."
