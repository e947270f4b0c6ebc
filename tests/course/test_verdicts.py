"""Verdicts of checks: a sentence, never a traceback."""

import runpy

import cv2
import numpy as np
import pytest

from detectlab.course.verdicts import (
    NotYet,
    answer_of,
    exercise_check,
    known_mistake,
    number_of,
    require_keys,
    shown,
)


def broken(value):
    return value + undefined  # noqa: F821


def test_check_that_returns_says_correct(verdict):
    assert verdict(exercise_check(lambda: "It is right")) == "Correct. It is right."


def test_check_that_meets_an_unforeseen_kind_says_so_without_a_traceback(verdict):
    said = verdict(exercise_check(lambda answer: answer["key"]), 7)

    assert said.startswith("Not yet: the check cannot use this answer (TypeError")


def test_error_of_the_learner_is_shown_with_the_learners_line():
    with pytest.raises(NotYet, match=r"NameError: name 'undefined' .*`return value \+ undefined"):
        answer_of(broken, 1)


def test_error_inside_a_library_is_shown_with_the_line_that_called_it():
    with pytest.raises(NotYet, match=r"ValueError.*`answer_of\(lambda: np.zeros\(3\).reshape"):
        answer_of(lambda: np.zeros(3).reshape(2, 2))


def test_error_of_many_lines_is_shown_as_one_without_a_place_in_opencv():
    with pytest.raises(NotYet) as caught:
        answer_of(lambda: cv2.resize(np.zeros((0, 0), np.uint8), (4, 4)))

    said = str(caught.value)
    assert said.startswith("your function raised error: (-215:Assertion failed) ")
    assert "\n" not in said
    assert ".cpp" not in said


def test_check_that_is_interrupted_says_so(verdict):
    def endless():
        raise KeyboardInterrupt

    said = verdict(exercise_check(endless))

    assert said == "Not yet: you stopped the check. Does your function come to an end?"


def test_arguments_stay_as_they_are_and_a_change_is_said():
    rows, box = np.ones((2, 2)), [1, 2]

    def in_place(rows, box):
        rows *= 2

    with pytest.raises(NotYet, match=r"changes what it gets, to array.* Work on a copy"):
        answer_of(in_place, rows, box)
    with pytest.raises(NotYet, match=r"changes what it gets, to \[1, 2, 3\]. Work on a copy"):
        answer_of(lambda rows, box: box.append(3), rows, box)
    assert rows.sum() == 4
    assert box == [1, 2]


def test_none_may_be_an_answer_beside_what_is_printed(capsys):
    assert answer_of(lambda: print("nothing fits"), may_be_none=True) is None
    assert capsys.readouterr().out == "nothing fits\n"


def test_mistake_is_named_when_it_explains_all_answers():
    mistakes = {"that is half": lambda n: n / 2, "that is the square": lambda n: n * n}

    def hint(*answers):
        return known_mistake(mistakes, [(0.5,), (4,)], answers, lambda value: value / 3)

    assert hint(0.25, 2) == "; that is half"
    assert hint(0.25, 16) == "; that is the square"
    assert hint(0.167, 1.333) == "; return it as it is, without rounding"
    assert hint(3, 3) == "; yours gives the same each time"
    assert hint(3, 4) == ""


def test_result_instead_of_a_function_is_refused():
    with pytest.raises(NotYet, match=r"pass the function itself, without calling it. Yours is 7"):
        answer_of(7)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        pytest.param(None, "Yours is None: is there a `return`", id="none"),
        pytest.param("7", "should be a number. Yours is '7'", id="text"),
        pytest.param(True, "should be a number. Yours is True", id="bool"),
        pytest.param(np.zeros(3), r"should be one number. .*ndarray", id="array"),
        pytest.param([7], r"should be a number. Yours is \[7\]", id="list"),
    ],
)
def test_other_kinds_than_numbers_are_named(answer, hint):
    with pytest.raises(NotYet, match=hint):
        number_of(answer, "the area")


def test_numbers_of_numpy_are_numbers():
    assert number_of(np.float32(2), "the area") == number_of(np.array(2), "the area") == 2.0


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        pytest.param([1], "`place` should be a dictionary", id="list"),
        pytest.param({"b": 1}, "`place` lacks 'a'", id="missing"),
        pytest.param({"a": 1, "c": 1}, "unknown key, 'c'", id="extra"),
    ],
)
def test_keys_that_are_wrong_are_named(answer, hint):
    with pytest.raises(NotYet, match=hint):
        require_keys(answer, ("a",), "place")


def test_long_answer_is_cut():
    assert shown("x" * 500).endswith(" ...")


def test_long_line_of_the_learner_is_cut(tmp_path):
    file = tmp_path / "cell.py"
    file.write_text(f"def divide(): return 1 / 0  # {'a remark ' * 40}")

    with pytest.raises(NotYet, match=r"by zero. Look at this line: `def divide.{110} \.\.\.`$"):
        answer_of(runpy.run_path(str(file))["divide"])


def test_answer_that_cannot_be_printed_is_no_traceback(verdict):
    check = exercise_check(lambda answer: str(number_of(answer, "the area")))

    assert shown(10**5000) == "something that cannot be printed"
    assert "should be a number. Yours is something that cannot" in verdict(check, [10**5000])


def test_check_that_leaves_is_not_yet(verdict):
    def leaves():
        raise SystemExit

    assert verdict(exercise_check(leaves)).startswith("Not yet: the check cannot use this answer")
