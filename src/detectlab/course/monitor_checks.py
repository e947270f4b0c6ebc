"""Checks for the exercises of the notebook about monitoring."""

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np

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

Shares = Sequence[float]
_SHARES: tuple[tuple[Shares, Shares], ...] = (
    ((0.5, 0.5), (0.5, 0.5)),
    ((0.5, 0.5), (0.9, 0.1)),
    ((0.1, 0.2, 0.3, 0.4), (0.4, 0.3, 0.2, 0.1)),
    ((0.25, 0.25, 0.25, 0.25), (0.1, 0.2, 0.3, 0.4)),
)
_KINDS = {
    "fog": ("data", "in fog the pictures look different, while an apple is still an apple"),
    "bruised": ("concept", "the pictures are the same, but another answer to them is right now"),
    "camera": ("data", "another camera makes other pictures of the same things"),
    "rush": ("none", "more pictures of the same kind are no drift: counts change, shares do not"),
    "renamed": ("concept", "what is in the pictures did not change, only what it is to be called"),
}
_PICTURES = (
    ("a", 0.95, "shelf"),
    ("b", 0.52, "shelf"),
    ("c", 0.49, "shelf"),
    ("d", 0.05, "door"),
    ("e", 0.40, "door"),
    ("f", 0.70, "till"),
    ("g", 0.90, "till"),
    ("h", 0.99, "yard"),
)
_ORDER = ("c", "e", "f", "h")
_BOXES: tuple[tuple[int, tuple[int, int, int, int], tuple[int, int]], ...] = (
    (0, (0, 0, 400, 300), (400, 300)),
    (2, (100, 30, 300, 90), (400, 300)),
    (1, (11, 20, 30, 121), (100, 200)),
)


def _summed(old: Shares, new: Shares, term: Callable[[float, float], float]) -> float:
    return math.fsum(map(term, old, new))


def _psi(old: Shares, new: Shares) -> float:
    return _summed(old, new, lambda o, n: (n - o) * math.log(n / o))


_INDICES: dict[str, Callable[[Shares, Shares], float]] = {
    reason: functools.partial(_summed, term=term)
    for reason, term in {
        "that is without the factor new - old": lambda o, n: math.log(n / o),
        "weigh with new - old, not with new": lambda o, n: n * math.log(n / o),
        "weigh with new - old, not with old": lambda o, n: o * math.log(o / n),
        "its sign is wrong": lambda o, n: -(n - o) * math.log(n / o),
        "take the natural logarithm": lambda o, n: (n - o) * math.log2(n / o),
        "take the natural logarithm, not that of 10": lambda o, n: (n - o) * math.log10(n / o),
        "that is the sum of the differences": lambda o, n: abs(n - o),
        "that is the sum of the squares over the old shares": lambda o, n: (n - o) ** 2 / o,
    }.items()
} | {
    "that is the mean of the terms, not their sum": lambda old, new: _psi(old, new) / len(old),
    "does the loop return after the first term?": lambda old, new: _psi(old[:1], new[:1]),
}


@exercise_check
def check_psi(psi: Callable[[Shares, Shares], object]) -> str:
    """Check a function of two lists of shares that gives the population stability index."""
    answers = [number_of(answer_of(psi, list(old), list(new)), "the index") for old, new in _SHARES]
    for (old, new), got in zip(_SHARES, answers, strict=True):
        if not is_close(got, expected := _psi(old, new)):
            raise NotYet(
                f"from {list(old)} to {list(new)} the index is {expected:.4f}. Yours is {got:.4f}"
                + known_mistake(_INDICES, _SHARES, answers, _psi)
            )
    return "0 for equal shares, 0.88 from half and half to nine to one"


@exercise_check
def check_kinds(kinds: dict[str, str]) -> str:
    """Check which changes are drift of the data, of the concept, or none."""
    require_keys(kinds, list(_KINDS), "kinds")
    for name, (expected, why) in _KINDS.items():
        if kinds[name] not in ("data", "concept", "none"):
            raise NotYet(
                f"`{name}` should be 'data', 'concept' or 'none', not {shown(kinds[name])}"
            )
        if kinds[name] != expected:
            raise NotYet(f"`{name}` is not {kinds[name]!r}: {why}")
    return "a monitor sees the drift of the data; only labels show that of the concept"


@exercise_check
def check_to_label(to_label: Callable[[list[tuple[str, float, str]], int], object]) -> str:
    """Check a function that chooses pictures to label."""
    for count in (1, 3, 4, 6):
        got = answer_of(to_label, list(_PICTURES), count)
        got = got.tolist() if isinstance(got, np.ndarray) else got
        if not isinstance(got, list | tuple):
            raise NotYet(f"return a list of names. Yours is {shown(got)}")
        expected = list(_ORDER[:count])
        if list(got) == expected:
            continue
        scenes = [scene for name, _, scene in _PICTURES if name in got]
        if len(got) > count:
            raise NotYet(f"{count} were wanted, and {len(got)} came")
        if len(scenes) < len(got):
            raise NotYet(f"return names of pictures, such as 'c'. Yours is {shown(got)}")
        if len(set(scenes)) < len(scenes):
            raise NotYet(f"a scene was chosen twice: {shown(list(got))}")
        raise NotYet(
            f"for a count of {count}, those nearest to 0.5 of each scene are {expected}, the "
            f"nearest first. Yours are {shown(list(got))}"
        )
    return "the most doubtful picture of each scene, the most doubtful scene first"


@exercise_check
def check_label_line(label_line: Callable[..., object]) -> str:
    """Check a function that writes a box as a line of a label file."""
    for number, box, (width, height) in _BOXES:
        got = answer_of(label_line, number, box, (width, height))
        if not isinstance(got, str):
            raise NotYet(f"return a text. Yours is {shown(got)}")
        fields = got.split()
        if len(fields) != 5:
            raise NotYet(f"a line has five fields, separated by blanks. Yours is {shown(got)}")
        low_x, low_y, high_x, high_y = box
        expected = (
            (low_x + high_x) / 2 / width,
            (low_y + high_y) / 2 / height,
            (high_x - low_x) / width,
            (high_y - low_y) / height,
        )
        if fields[0] != str(number):
            raise NotYet(f"the first field is the class, {number}. Yours is {fields[0]!r}")
        try:
            values = [float(field) for field in fields[1:]]
        except ValueError:
            raise NotYet(f"all fields are numbers. Yours is {shown(got)}") from None
        if max(map(abs, values)) > 1:
            raise NotYet(
                f"divide by the size of the picture: all lie from 0 to 1, not {max(values):g}"
            )
        names = ("x of the centre", "y of the centre", "width", "height")
        for name, value, right in zip(names, values, expected, strict=True):
            if not abs(value - right) <= 1e-3:  # also for nan
                raise NotYet(
                    f"the {name} of {box} in a picture of {width} x {height} is {right:.3f} of "
                    f"it. Yours is {value:.3f}"
                )
    return "class, centre and size, as shares of the picture"
