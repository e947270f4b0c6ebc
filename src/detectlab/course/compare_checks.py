"""Checks for the exercises of the notebook about choosing a detector."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detectlab.course.verdicts import (
    NotYet,
    answer_of,
    exercise_check,
    is_close,
    number_of,
    require_keys,
    shown,
)

if TYPE_CHECKING:
    from detectlab.compare import ComparisonTable


@dataclass(frozen=True)
class _Entry:
    """The columns of a detector that a learner's function may use."""

    name: str
    score: float
    ms: float
    file_mb: float


_ENTRIES = (
    _Entry("small", 0.5, 10, 5),
    _Entry("large", 0.8, 100, 250),
    _Entry("medium", 0.7, 30, 40),
    _Entry("slow", 0.6, 90, 5),
)


@exercise_check
def check_work_ratio(work_ratio: Callable[[int, int], object]) -> str:
    """Check a function of two input sizes that says how many times the pixels one has."""
    for small, large in ((208, 416), (100, 300), (224, 608)):
        ratio = large / small
        answer = number_of(answer_of(work_ratio, small, large), "the ratio")
        if is_close(answer, ratio**2):
            continue
        mistakes = {
            ratio: "that is the ratio of the sides",
            ratio**-2: "it is upside down: divide the larger by the smaller",
            2 * ratio: "squaring is not doubling",
            ratio**3: "a picture has two sides, not three",
            float(large**2 - small**2): "that is the difference, not the ratio",
            float(large**2 // small**2): "`//` drops the decimals",
        }
        reason = next((why for value, why in mistakes.items() if is_close(answer, value)), "")
        raise NotYet(
            f"{large} x {large} pixels are {ratio**2:.4g} times {small} x {small}. Yours says "
            f"{answer:.4g}" + (f"; {reason}" if reason else "")
        )
    return "Twice the side is four times the pixels, and about four times the work"


@exercise_check
def check_average_precision(average_precision: Callable[[list[bool], int], object]) -> str:
    """Check a function of right and wrong boxes, most confident first, and the objects' number."""
    for verdicts, objects in (
        ([True, False, True], 4),
        ([True, True], 4),
        ([True, True, False, False, True, False], 3),
        ([False, True], 1),
    ):
        precisions = [sum(verdicts[:rank]) / rank for rank in range(1, len(verdicts) + 1)]
        at_right = [p for p, right in zip(precisions, verdicts, strict=True) if right]
        expected = sum(at_right) / objects
        answer = number_of(answer_of(average_precision, list(verdicts), objects), "the average")
        if is_close(answer, expected):
            continue
        mistakes = {
            sum(verdicts) / objects: "that is the recall: the order must count",
            sum(verdicts) / len(verdicts): "that is the precision of the whole list",
            sum(at_right) / len(at_right): "divide by the objects, so that a missed one costs",
            sum(precisions) / len(precisions): "add the precision at right boxes only",
            sum(at_right): "divide the sum by the objects",
        }
        reason = next((why for value, why in mistakes.items() if is_close(answer, value)), "")
        raise NotYet(
            f"{verdicts} of {objects} objects is {expected:.3f}. Yours is {answer:.3f}"
            + (f"; {reason}" if reason else "")
        )
    return "A wrong box costs most when it stands before right ones"


@exercise_check
def check_pick(pick: Callable[[Sequence[Any], float, float], object]) -> str:
    """Check a function that picks, of some detectors, the best that is within a budget."""
    names = [entry.name for entry in _ENTRIES]
    for max_ms, max_file_mb, expected, why in (
        (1000, 1000, "large", "everything fits, and large finds most"),
        (50, 1000, "medium", "only small and medium are quick enough"),
        (1000, 10, "slow", "only small and slow are small enough, and slow finds more"),
        (30, 40, "medium", "medium just keeps to both limits"),
        (5, 1000, None, "nothing is quick enough, so the answer is None"),
    ):
        answer = answer_of(pick, _ENTRIES, max_ms, max_file_mb)
        if isinstance(answer, _Entry):
            raise NotYet("return the row's `name`, not the row itself")
        if answer is not None and answer not in names:
            raise NotYet(f"return the name of a row, or None. Yours is {shown(answer)}")
        if answer != expected:
            raise NotYet(f"{max_ms} ms and {max_file_mb} MB: {why}. Yours picks {answer}")
    return "Requirements first, preferences second"


@exercise_check
def check_place(place: Mapping[str, float], comparison: "ComparisonTable") -> str:
    """Check a budget of the learner's own: some detector fits, and some does not.

    Args:
        place: Largest time and files, and least score.
        comparison: The detectors to choose from.
    """
    require_keys(place, ("max_ms", "max_file_mb", "min_score"), "my_place")
    for name, value in place.items():
        if math.isnan(number_of(value, f"`{name}`")):
            raise NotYet(f"`{name}` should be a number. Yours is nan")
    if place["min_score"] > 1:
        raise NotYet(f"`min_score` is a share from 0 to 1. Yours is {place['min_score']}")
    fitting = [
        row.name
        for row in comparison.rows
        if row.ms <= place["max_ms"]
        and row.file_mb <= place["max_file_mb"]
        and row.score >= place["min_score"]
    ]
    if not fitting:
        raise NotYet("no detector fits. Allow more, or look for a better detector")
    if len(fitting) == len(comparison.rows):
        raise NotYet(
            "every detector fits, so these demands decide nothing. What does your place need?"
        )
    return f"There you could use {' or '.join(fitting)}"
