"""Checks for the exercises of the notebook about choosing a detector."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detectlab.course.server_checks import answer_of, correct, differ, not_yet

if TYPE_CHECKING:
    from detectlab.compare import ComparisonTable


@dataclass(frozen=True)
class _Entry:
    """What a learner's function may know of a detector."""

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


def check_work_ratio(work_ratio: Callable[[int, int], object]) -> None:
    """Check a function of two input sizes that says how many times the pixels one has."""
    for small, large, expected in ((208, 416, 4.0), (100, 300, 9.0)):
        answer = answer_of(work_ratio, small, large)
        if differ(answer, expected):
            not_yet(
                f"{large} x {large} pixels are {expected:.0f} times {small} x {small}. "
                f"Yours says {answer}"
            )
            return
    correct("Twice the side is four times the pixels, and about four times the work")


def check_average_precision(average_precision: Callable[[list[bool], int], object]) -> None:
    """Check a function of right and wrong boxes, most confident first, and the objects' number."""
    for verdicts, objects, expected in (
        ([True, True], 4, 0.5),
        ([True, False, True], 4, (1 + 2 / 3) / 4),
        ([True, True, False, False, True, False], 3, (1 + 1 + 3 / 5) / 3),
    ):
        answer = answer_of(average_precision, verdicts, objects)
        if differ(answer, expected):
            recall = sum(verdicts) / objects
            hint = "" if differ(answer, recall) else ", which is the recall: the order must count"
            not_yet(f"{verdicts} of {objects} objects is {expected:.3f}. Yours is {answer}{hint}")
            return
    correct("A wrong box costs most when it stands before right ones")


def check_pick(pick: Callable[[Sequence[Any], float, float], object]) -> None:
    """Check a function that picks, of some detectors, the best that is within a budget."""
    for max_ms, max_file_mb, expected, why in (
        (1000, 1000, "large", "everything fits, and large finds most"),
        (50, 1000, "medium", "only small and medium are quick enough"),
        (1000, 10, "slow", "only small and slow are small enough, and slow finds more"),
        (5, 1000, None, "nothing is quick enough"),
    ):
        answer = answer_of(pick, _ENTRIES, max_ms, max_file_mb)
        if answer != expected:
            not_yet(f"{max_ms} ms and {max_file_mb} MB: {why}. Yours picks {answer}")
            return
    correct("First what must be, then what would be nice")


def check_place(place: Mapping[str, float], comparison: "ComparisonTable") -> None:
    """Check a budget of the learner's own: some detector fits, and some does not."""
    wanted = {"max_ms", "max_file_mb", "min_score"}
    if place.keys() != wanted:
        not_yet(f"say {', '.join(sorted(wanted))}. Yours has {', '.join(sorted(place))}")
        return
    fitting = [
        row.name
        for row in comparison.rows
        if row.ms <= place["max_ms"]
        and row.file_mb <= place["max_file_mb"]
        and row.score >= place["min_score"]
    ]
    if not fitting:
        not_yet("no detector fits. Allow more, or look for a better detector")
    elif len(fitting) == len(comparison.rows):
        not_yet("every detector fits, so these demands decide nothing. What does your place need?")
    else:
        correct(f"There you could use {' or '.join(fitting)}")
