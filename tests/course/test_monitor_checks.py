"""Checks of the monitoring exercises: typical wrong answers, and right ones of several forms."""

import math

import numpy as np
import pytest

from detectlab.course.monitor_checks import (
    check_kinds,
    check_label_line,
    check_psi,
    check_to_label,
)


def psi(old, new):
    return sum((n - o) * math.log(n / o) for o, n in zip(old, new, strict=True))


def psi_of_arrays(old, new):
    old, new = np.array(old), np.array(new)
    return ((new - old) * np.log(new / old)).sum()


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(lambda o, n: 0, "the index is 0.8789. Yours is 0.0000", id="constant"),
        pytest.param(
            lambda o, n: sum(b * math.log(b / a) for a, b in zip(o, n, strict=True)),
            "weigh with new - old, not with new",
            id="kullback",
        ),
        pytest.param(lambda o, n: -psi(o, n), "its sign is wrong", id="sign"),
        pytest.param(lambda o, n: psi(o, n) / math.log(2), "natural logarithm", id="log2"),
        pytest.param(lambda o, n: psi(o, n) / math.log(10), "not that of 10", id="log10"),
        pytest.param(
            lambda o, n: sum(abs(b - a) for a, b in zip(o, n, strict=True)),
            "the sum of the differences",
            id="differences",
        ),
        pytest.param(lambda o, n: None, "is there a `return`?", id="no-return"),
        pytest.param(lambda o, n: (n - o) * 2, "TypeError", id="raises"),
        pytest.param(lambda o, n: psi(o, n) / len(o), "that is the mean of the terms", id="mean"),
        pytest.param(lambda o, n: psi(o[:1], n[:1]), "return after the first term?", id="first"),
        pytest.param(
            lambda o, n: sum((b - a) ** 2 / a for a, b in zip(o, n, strict=True)),
            "the squares over the old shares",
            id="squares",
        ),
        pytest.param(lambda o, n: round(psi(o, n), 4), "without rounding", id="rounded"),
        pytest.param(lambda o, n: [psi(o, n)], "should be a number. Yours is [0.0]", id="list"),
        pytest.param(lambda o, n: (o.reverse(), psi(o, n))[1], "changes what it gets", id="place"),
    ],
)
def test_psi_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_psi, attempt)


@pytest.mark.parametrize("attempt", [psi, psi_of_arrays])
def test_psi_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_psi, attempt).startswith("Correct. ")


KINDS = {
    "fog": "data",
    "bruised": "concept",
    "camera": "data",
    "rush": "none",
    "renamed": "concept",
}


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(dict.fromkeys(KINDS, "data"), "`bruised` is not 'data'", id="all-data"),
        pytest.param(dict.fromkeys(KINDS, "concept"), "`fog` is not 'concept'", id="all-concept"),
        pytest.param(KINDS | {"rush": "data"}, "more pictures of the same kind", id="rush"),
        pytest.param(KINDS | {"camera": "none"}, "another camera", id="camera"),
        pytest.param(KINDS | {"fog": "both"}, "should be 'data', 'concept' or 'none'", id="word"),
        pytest.param({"fog": "data"}, "`kinds` lacks 'bruised'", id="missing"),
        pytest.param("data", "should be a dictionary", id="text"),
    ],
)
def test_kinds_with_a_mistake_name_it(not_yet, attempt, hint):
    assert hint in not_yet(check_kinds, attempt)


@pytest.mark.parametrize("attempt", [KINDS, dict(reversed(KINDS.items()))])
def test_kinds_that_are_right_are_correct(verdict, attempt):
    assert verdict(check_kinds, attempt).startswith("Correct. ")


def to_label(pictures, count):
    chosen, scenes = [], set()
    for name, _, scene in sorted(pictures, key=lambda one: abs(one[1] - 0.5)):
        if scene not in scenes:
            chosen.append(name)
            scenes.add(scene)
    return chosen[:count]


def best_of_scenes(pictures, count):
    best = {}
    for one in pictures:
        other = best.get(one[2])
        if other is None or abs(one[1] - 0.5) < abs(other[1] - 0.5):
            best[one[2]] = one
    return tuple(n for n, _, _ in sorted(best.values(), key=lambda one: abs(one[1] - 0.5))[:count])


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(lambda p, n: [one[0] for one in p[:n]], "nearest to 0.5", id="first"),
        pytest.param(
            lambda p, n: [one[0] for one in sorted(p, key=lambda one: one[1])[:n]],
            "nearest to 0.5 of each scene",
            id="lowest",
        ),
        pytest.param(
            lambda p, n: [one[0] for one in sorted(p, key=lambda one: abs(one[1] - 0.5))[:n]],
            "a scene was chosen twice",
            id="same-scene",
        ),
        pytest.param(lambda p, n: to_label(p, 9), "1 were wanted, and 4 came", id="all"),
        pytest.param(lambda p, n: sorted(p)[:n], "return names of pictures", id="rows"),
        pytest.param(lambda p, n: None, "return a list of names", id="none"),
        pytest.param(lambda p, n: to_label(p, n)[::-1], "the nearest first", id="reversed"),
        pytest.param(lambda p, n: set(to_label(p, n)), "return a list of names", id="set"),
        pytest.param(lambda p, n: [[x] for x in to_label(p, n)], "names of pictures", id="nested"),
        pytest.param(
            lambda p, n: to_label(p.reverse() or p, n), "changes what it gets", id="place"
        ),
    ],
)
def test_choice_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_to_label, attempt)


def as_array(pictures, count):
    return np.array(to_label(pictures, count))


@pytest.mark.parametrize("attempt", [to_label, best_of_scenes, as_array])
def test_choice_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_to_label, attempt).startswith("Correct. ")


def label_line(number, box, size_wh):
    (left, top, right, bottom), (width, height) = box, size_wh
    x, y = (left + right) / 2 / width, (top + bottom) / 2 / height
    return f"{number} {x:.4f} {y:.4f} {(right - left) / width:.4f} {(bottom - top) / height:.4f}"


def two_decimals(number, box, size_wh):
    values = label_line(number, box, size_wh).split()[1:]
    return " ".join([str(number), *(f"{float(value) - 1e-6:.2f}" for value in values)])


def line_of_arrays(number, box, size_wh):
    low, high = np.array(box[:2]) / size_wh, np.array(box[2:]) / size_wh
    return " ".join(map(str, [number, *(low + high) / 2, *(high - low)])) + "\n"


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(
            lambda c, b, s: " ".join(map(str, (c, *b))), "divide by the size", id="pixels"
        ),
        pytest.param(
            lambda c, b, s: f"{c} {b[0] / s[0]} {b[1] / s[1]} {b[2] / s[0]} {b[3] / s[1]}",
            "the x of the centre",
            id="corners",
        ),
        pytest.param(
            lambda c, b, s: label_line(c, b, s[::-1]), "divide by the size", id="swapped-size"
        ),
        pytest.param(
            lambda c, b, s: label_line(0, b, s), "the first field is the class, 2", id="class"
        ),
        pytest.param(lambda c, b, s: label_line(c, b, s)[2:], "five fields", id="no-class"),
        pytest.param(lambda c, b, s: (c, *b), "return a text", id="tuple"),
        pytest.param(
            lambda c, b, s: label_line(c, b, s).replace(" ", ", "),
            "the first field is the class",
            id="commas",
        ),
        pytest.param(
            lambda c, b, s: " ".join(f"{float(n):.2f}" for n in label_line(c, b, s).split()),
            "the first field is the class, 0. Yours is '0.00'",
            id="class-with-decimals",
        ),
        pytest.param(two_decimals, "is 0.205 of it. Yours is 0.200", id="two-decimals"),
        pytest.param(lambda c, b, s: f"{c} a b c d", "all fields are numbers", id="words"),
        pytest.param(lambda c, b, s: f"{c} nan nan nan nan", "the x of the centre of", id="nan"),
        pytest.param(
            lambda c, b, s: label_line(c, b, (s[0], 2 * s[1])), "the y of the centre of", id="half"
        ),
    ],
)
def test_label_line_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_label_line, attempt)


@pytest.mark.parametrize("attempt", [label_line, line_of_arrays])
def test_label_line_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_label_line, attempt).startswith("Correct. ")
