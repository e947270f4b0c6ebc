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
    known_mistake,
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


_SIDES = ((208, 416), (100, 300), (224, 608))
_RATIOS: dict[str, Callable[[int, int], float]] = {
    "that is the ratio of the sides": lambda a, b: b / a,
    "it is upside down: divide the larger by the smaller": lambda a, b: (a / b) ** 2,
    "squaring is not doubling": lambda a, b: 2 * b / a,
    "a picture has two sides, not three": lambda a, b: (b / a) ** 3,
    "that is the difference, not the ratio": lambda a, b: b**2 - a**2,
    "`**` comes before `/`: put brackets around the ratio": lambda a, b: b / a**2,
    "square both sides": lambda a, b: b**2 / a,
    "`//` and `round` drop the decimals": lambda a, b: b**2 // a**2,
    "`//` drops the decimals of the ratio": lambda a, b: (b // a) ** 2,
}


@exercise_check
def check_work_ratio(work_ratio: Callable[[int, int], object]) -> str:
    """Check a function of two input sizes that says how many times the pixels one has."""
    answers = [number_of(answer_of(work_ratio, *sides), "the ratio") for sides in _SIDES]
    for (small, large), answer in zip(_SIDES, answers, strict=True):
        if not is_close(answer, (ratio := large / small) ** 2):
            raise NotYet(
                f"{large} x {large} pixels are {ratio**2:.4g} times {small} x {small}. Yours says "
                f"{answer:.4g}" + known_mistake(_RATIOS, _SIDES, answers, lambda a, b: (b / a) ** 2)
            )
    return "Twice the side is four times the pixels, and about four times the work"


_LISTS = (
    ([True, False, True], 4),
    ([True, True], 4),
    ([True, True, False, False, True, False], 3),
    ([False, True], 1),
    ([False, True, True], 3),
)


def _precisions(verdicts: Sequence[bool]) -> list[float]:
    """The precision so far at each rank."""
    return [sum(verdicts[:rank]) / rank for rank in range(1, len(verdicts) + 1)]


def _at_right(verdicts: Sequence[bool], values: Sequence[float]) -> list[float]:
    """The values at the right boxes."""
    return [value for value, right in zip(values, verdicts, strict=True) if right]


def _average(verdicts: Sequence[bool], objects: int) -> float:
    return sum(_at_right(verdicts, _precisions(verdicts))) / objects


_AVERAGES: dict[str, Callable[[list[bool], int], float]] = {
    "that is the recall: the order must count": lambda v, n: sum(v) / n,
    "that is the precision of the whole list": lambda v, n: sum(v) / len(v),
    "divide by the objects, so that a missed one costs": lambda v, n: _average(v, sum(v)),
    "divide by the objects, not by the boxes": lambda v, n: _average(v, len(v)),
    "divide the sum by the objects": lambda v, n: _average(v, 1),
    "add the precision at right boxes only": lambda v, n: sum(_precisions(v)) / len(v),
    "does the loop return too early?": lambda v, n: _at_right(v, _precisions(v))[0] / n,
    "take the precision at that rank, not the best one below": lambda v, n: (
        sum(max(_precisions(v)[rank:]) for rank, right in enumerate(v) if right) / n
    ),
    "the first rank is 1": lambda v, n: (
        sum(_at_right(v, [sum(v[:rank]) / (rank + 1) for rank in range(1, len(v) + 1)])) / n
    ),
}


@exercise_check
def check_average_precision(average_precision: Callable[[list[bool], int], object]) -> str:
    """Check a function of right and wrong boxes, most confident first, and the objects' number."""
    answers = [number_of(answer_of(average_precision, *case), "the average") for case in _LISTS]
    for (verdicts, objects), answer in zip(_LISTS, answers, strict=True):
        if not is_close(answer, expected := _average(verdicts, objects)):
            raise NotYet(
                f"{verdicts} of {objects} objects is {expected:.3f}. Yours is {answer:.3f}"
                + known_mistake(_AVERAGES, _LISTS, answers, _average)
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
        answer = answer_of(pick, _ENTRIES, max_ms, max_file_mb, may_be_none=True)
        if isinstance(answer, _Entry):
            raise NotYet("return the row's `name`, not the row itself")
        if answer is not None and not (isinstance(answer, str) and answer in names):
            raise NotYet(f"return the name of a row, or None. Yours is {shown(answer)}")
        if answer != expected:
            end = ": is there a `return`?" if answer is None else ""
            raise NotYet(f"{max_ms} ms and {max_file_mb} MB: {why}. Yours picks {answer}{end}")
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
