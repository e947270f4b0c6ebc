"""The checks of the notebook about choosing: what they say to first attempts, and to right ones."""

from types import SimpleNamespace

import pytest

from detectlab.course import compare_checks


def precisions(verdicts, objects):
    hits = [rank for rank, right in enumerate(verdicts, start=1) if right]
    return sum(number / rank for number, rank in enumerate(hits, start=1)) / objects


def fitting(rows, max_ms, max_file_mb):
    return [row for row in rows if row.ms <= max_ms and row.file_mb <= max_file_mb]


def best(rows, max_ms, max_file_mb):
    rows = fitting(rows, max_ms, max_file_mb)
    return max(rows, key=lambda row: row.score).name if rows else None


def first(rows, max_ms, max_file_mb):
    return fitting(rows, max_ms, max_file_mb)[0].name


ROWS = SimpleNamespace(
    rows=[
        SimpleNamespace(name=name, score=score, ms=ms, file_mb=5)
        for name, score, ms in (("quick", 0.5, 10), ("good", 0.7, 30))
    ]
)
ANYTHING = {"max_ms": 1000, "max_file_mb": 1000, "min_score": 0}


@pytest.mark.parametrize(
    ("check", "attempt", "hint"),
    [
        pytest.param("check_work_ratio", [lambda a, b: b / a], "are 4 times", id="work-side"),
        pytest.param("check_work_ratio", [lambda a: a], "says TypeError", id="work-raises"),
        pytest.param(
            "check_average_precision", [lambda v, n: sum(v) / n], "which is the recall", id="recall"
        ),
        pytest.param(
            "check_average_precision", [lambda v, n: None], "is 0.500. Yours is None", id="none"
        ),
        pytest.param("check_pick", [first], "everything fits, and large", id="pick-first"),
        pytest.param(
            "check_pick",
            [lambda *a: max(fitting(*a), key=lambda r: r.score).name],
            "nothing is quick enough. Yours picks ValueError",
            id="pick-empty",
        ),
        pytest.param("check_place", [{"max_ms": 1}, ROWS], "say max_file_mb, max_ms", id="needs"),
        pytest.param("check_place", [ANYTHING, ROWS], "decide nothing", id="place-all"),
        pytest.param(
            "check_place", [ANYTHING | {"min_score": 0.9}, ROWS], "no detector fits", id="none-fits"
        ),
    ],
)
def test_check_of_wrong_attempt_says_not_yet_and_why(capsys, check, attempt, hint):
    getattr(compare_checks, check)(*attempt)

    said = capsys.readouterr().out
    assert said.startswith("Not yet: ")
    assert hint in said


@pytest.mark.parametrize(
    ("check", "attempt"),
    [
        pytest.param("check_work_ratio", [lambda a, b: (b / a) ** 2], id="work"),
        pytest.param("check_average_precision", [precisions], id="average-precision"),
        pytest.param("check_pick", [best], id="pick"),
        pytest.param("check_place", [ANYTHING | {"min_score": 0.6}, ROWS], id="place"),
    ],
)
def test_check_of_right_attempt_says_correct(capsys, check, attempt):
    getattr(compare_checks, check)(*attempt)

    assert capsys.readouterr().out.startswith("Correct. ")
