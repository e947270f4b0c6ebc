"""Objects that a learner's parser finds in rows, compared with those that are there."""

from collections.abc import Callable, Sequence

import numpy as np

from detectlab.course.verdicts import NotYet

# Corners, class and score of the objects in the rows of the check.
STRONG, NEIGHBOUR, FAR, WEAK, SECOND = (
    (78, 30, 122, 70, 2, 0.8),
    (116, 30, 156, 70, 2, 0.6),
    (30, 60, 50, 80, 0, 0.93),
    (160, 10, 180, 30, 0, 0.3),
    (80, 30, 120, 70, 2, 0.7),
)
_ORDER = "the order is x_min, y_min, x_max, y_max"


def compare_objects(
    found: list[tuple[float, ...]], wanted: Sequence[tuple[float, ...]], when: str
) -> None:
    """Compare a learner's objects with the right ones, and name the mistake where they differ.

    Args:
        found: The learner's, as `(x_min, y_min, x_max, y_max, class, score)`.
        wanted: The right ones.
        when: In which case, for the hint.

    Raises:
        NotYet: They differ.
    """
    if len(found) == len(wanted) and all(contains(found, one) for one in wanted):
        return
    boxes = np.array([one[:4] for one in found]).reshape(-1, 4)
    if len(boxes) and np.abs(boxes).max() <= 2:
        raise NotYet(
            "your corners are still shares of the picture: multiply x by its width, y by its height"
        )
    for one in wanted:
        first, last = np.array(one[:2]), np.array(one[2:4])
        size, centre = last - first, (first + last) / 2
        mistakes = (
            ([centre, size], "these are centre and size. Corners lie half a size away"),
            ([first, size], "the last two are width and height, not a corner"),
            ([centre, centre + size], "you begin at the centre: the corner is half a size away"),
            ([centre - size, centre + size], "you go a whole size from the centre: half is enough"),
            ([first[::-1], last[::-1]], f"x and y are swapped: {_ORDER}"),
            ([first[0], last[0], first[1], last[1]], _ORDER),
            ([first / [2, 0.5], last / [2, 0.5]], "x goes with the width, y with the height"),
            ([first * [1, 2], last * [1, 2]], "y goes with the height, not with the width"),
        )
        for box, reason in mistakes:
            if any(np.allclose(np.hstack(box), other, atol=1.01) for other in boxes):
                raise NotYet(reason)
    _explain_scores(found)
    _explain_count(found, wanted, when)
    yours = "; ".join(map(_text, found)) or "nothing"
    raise NotYet(f"{when} there is {_text(_missing(found, wanted))}. Yours: {yours}")


def contains(found: list[tuple[float, ...]], one: tuple[float, ...]) -> bool:
    """Whether an object was found, but for rounding.

    Args:
        found: Objects as `(x_min, y_min, x_max, y_max, class, score)`.
        one: The object.
    """
    return any(map(_same(one), found))


def _explain_scores(found: list[tuple[float, ...]]) -> None:
    """Name a mistake in the scores of boxes that are right."""
    for one, objectness in ((STRONG, 0.9), (FAR, 0.95)):
        scores = [other[5] for other in found if _near(one, other)]
        if any(abs(score - objectness) < 0.01 for score in scores):
            raise NotYet("your scores are column 4, the objectness. Return the best class's score")
        if any(abs(score - objectness * one[5]) < 0.01 for score in scores):
            raise NotYet(
                "you multiply with the objectness. In these rows the scores of the classes have "
                "it in them already"
            )


def _explain_count(
    found: list[tuple[float, ...]], wanted: Sequence[tuple[float, ...]], when: str
) -> None:
    """Name a mistake in what is kept."""
    if contains(found, WEAK) and WEAK not in wanted:
        raise NotYet(
            "a row whose best class has 0.3 is not above 0.5, whatever its objectness says. "
            "Compare the best score with `confidence`"
        )
    if WEAK in wanted and not contains(found, WEAK):
        raise NotYet("0.2 finds no more than 0.5: is the threshold your parameter `confidence`?")
    if contains(found, SECOND) and SECOND not in wanted:
        if contains(found, STRONG):
            raise NotYet("one object has two boxes: the suppression is missing")
        raise NotYet("of two boxes of one object, the more confident one stays, not the first")
    if SECOND in wanted and not contains(found, SECOND):
        raise NotYet("is the limit of the suppression your parameter `overlap`?")
    if not contains(found, NEIGHBOUR) and contains(found, STRONG):
        raise NotYet(
            "two objects that only touch are two objects: how much may boxes overlap, and does "
            "`NMSBoxes` get width and height, not corners?"
        )
    classes = {round(one[4]) for one in found}
    if found and classes != {round(one[4]) for one in wanted}:
        raise NotYet(
            f"your classes are {sorted(classes)}. The scores begin at column 5, class 0 "
            "first; column 4, the objectness, is above them all"
        )


def _missing(
    found: list[tuple[float, ...]], wanted: Sequence[tuple[float, ...]]
) -> tuple[float, ...]:
    """The first object that was not found as it is."""
    return next((one for one in wanted if not contains(found, one)), wanted[0])


def _same(one: tuple[float, ...]) -> Callable[[tuple[float, ...]], bool]:
    """Whether another object is this one, but for rounding."""

    def is_same(other: tuple[float, ...]) -> bool:
        return _near(one, other) and one[4] == other[4] and abs(one[5] - other[5]) < 0.01

    return is_same


def _near(one: Sequence[float], other: Sequence[float]) -> bool:
    return bool(np.allclose(one[:4], other[:4], atol=1.01))


def _text(one: tuple[float, ...]) -> str:
    corners = ", ".join(f"{corner:.4g}" for corner in one[:4])
    return f"class {one[4]:g} with {one[5]:.2f} at [{corners}]"
