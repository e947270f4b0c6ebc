"""Verdicts of exercise checks: "Correct. ..." or "Not yet: ..." with a hint."""

import copy
import functools
import io
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, ParamSpec, TextIO

import numpy as np

from detectlab.course.progress import record

P = ParamSpec("P")

# Where in OpenCV's own source an error was raised.
_OPENCV_PLACE = re.compile(r"OpenCV\(\S+\) \S+:\d+: error: ")
_SHOWN = 120  # characters of an answer
_LIBRARIES = (
    str(Path(__file__).parents[1]),
    *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")),
)


class NotYet(Exception):
    """The answer is not right yet; the message is the hint."""


def exercise_check(check: Callable[P, str]) -> Callable[P, None]:
    """Decorator: print the verdict of a check, never a traceback.

    Args:
        check: Returns why the answer is right, or raises `NotYet` with a hint.

    Returns:
        The check that prints "Correct. ..." or "Not yet: ...".
    """

    @functools.wraps(check)
    def printed(*args: P.args, **kwargs: P.kwargs) -> None:
        correct = False
        try:
            print(f"Correct. {check(*args, **kwargs)}.")
            correct = True
        except NotYet as hint:
            end = "" if str(hint).endswith((".", "?", "`")) else "."
            print(f"Not yet: {hint}{end}")
        except KeyboardInterrupt:
            print("Not yet: you stopped the check. Does your function come to an end?")
        except (Exception, SystemExit) as error:  # an answer of a kind that no check foresaw
            print(f"Not yet: the check cannot use this answer ({describe(error)}).")
        record(check.__name__, correct)

    return printed


def answer_of(function: Callable[..., Any], *arguments: Any, may_be_none: bool = False) -> Any:
    """The result of a learner's function.

    Args:
        function: The learner's function.
        *arguments: What it gets, as copies.
        may_be_none: Whether `None` is an answer, too.

    Raises:
        NotYet: It is no function, raises an error, changes its arguments, or prints instead of
            returning; the hint has the learner's line.
    """
    if not callable(function):
        raise NotYet(f"pass the function itself, without calling it. Yours is {shown(function)}")
    given, printed = copy.deepcopy(arguments), _Tee(sys.stdout)
    try:
        with redirect_stdout(printed):
            answer = function(*given)
    except (Exception, SystemExit) as error:  # whatever a first attempt raises
        raise NotYet(f"your function raised {describe(error)}") from None
    for before, after in zip(arguments, given, strict=True):
        if not np.array_equal(before, after) if isinstance(before, np.ndarray) else before != after:
            raise NotYet(f"your function changes what it gets, to {shown(after)}. Work on a copy")
    if answer is None and printed.getvalue() and not may_be_none:
        raise NotYet("your function prints its answer: write `return` instead of `print`")
    return answer


class _Tee(io.StringIO):
    """Keeps what is printed, and prints it."""

    def __init__(self, printed: TextIO) -> None:
        super().__init__()
        self._printed = printed

    def write(self, text: str) -> int:
        self._printed.write(text)
        return super().write(text)


def number_of(answer: object, what: str) -> float:
    """An answer as a number.

    Args:
        answer: What the learner's function returned.
        what: The quantity, for the hint.

    Raises:
        NotYet: It is something else; `None` mostly means that `return` is missing.
    """
    if answer is None:
        raise NotYet(f"{what} should be a number. Yours is None: is there a `return`?")
    if isinstance(answer, str | bool | np.bool_) or not hasattr(answer, "__float__"):
        raise NotYet(f"{what} should be a number. Yours is {shown(answer)}")
    if isinstance(answer, np.ndarray) and answer.ndim:
        raise NotYet(f"{what} should be one number, not an array. Yours is {shown(answer)}")
    try:
        return float(answer)
    except Exception:
        raise NotYet(f"{what} should be a number. Yours is {shown(answer)}") from None


def is_close(answer: float, expected: float) -> bool:
    """Whether two numbers are equal but for rounding.

    Args:
        answer: The learner's number.
        expected: The right one.
    """
    return abs(answer - expected) <= 1e-6 * max(1.0, abs(expected))


def known_mistake(
    mistakes: Mapping[str, Callable[..., float]],
    cases: Sequence[Sequence[Any]],
    answers: Sequence[float],
    right: Callable[..., float],
) -> str:
    """The mistake that gives all of a learner's answers, as the end of a hint.

    Args:
        mistakes: What each one gives for a case.
        cases: The arguments that the learner's function got.
        answers: What it gave.
        right: What gives the right answer for a case.
    """
    if _rounded([right(*case) for case in cases], answers):
        return "; return it as it is, without rounding"
    for reason, formula in mistakes.items():
        given = (formula(*case) for case in cases)
        if all(is_close(answer, value) for answer, value in zip(answers, given, strict=True)):
            return f"; {reason}"
    return "; yours gives the same each time" if len(set(answers)) == 1 < len(answers) else ""


def _rounded(exact: Sequence[float], answers: Sequence[float]) -> bool:
    """Whether the answers are the right ones, rounded to some number of decimals."""
    return any(
        all(map(is_close, answers, (round(value, digits) for value in exact)))
        for digits in range(1, 6)
    )


def require_keys(answer: object, keys: Sequence[str], what: str) -> None:
    """Require a dictionary with exactly these keys.

    Args:
        answer: The learner's dictionary.
        keys: Its keys.
        what: Its name in the notebook, for the hint.

    Raises:
        NotYet: It is no dictionary, or has other keys.
    """
    if not isinstance(answer, dict):
        raise NotYet(f"`{what}` should be a dictionary. Yours is {shown(answer)}")
    if missing := [key for key in keys if key not in answer]:
        raise NotYet(f"`{what}` lacks {', '.join(map(repr, missing))}")
    if extra := [key for key in answer if key not in keys]:
        raise NotYet(f"`{what}` has an unknown key, {shown(extra[0])}. Is it a typing error?")


def shown(answer: object) -> str:
    """An answer as the hint shows it, with its type where that explains more."""
    try:
        text = _cut(" ".join(repr(answer).split()))  # an array's lines, as one
    except Exception:  # a number of thousands of digits, or a class of the learner's
        text = "something that cannot be printed"
    plain = isinstance(answer, int | float | str | bool | list | tuple | dict | type(None))
    return text if plain else f"{text} ({type(answer).__name__})"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + " ..."


def describe(error: BaseException) -> str:
    """The first line of an error, with the learner's own line that led to it where there is one."""
    message = _OPENCV_PLACE.sub("", str(error).strip().partition("\n")[0])
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.line and not frame.filename.startswith(_LIBRARIES):
            return f"{text.rstrip('.')}. Look at this line: `{_cut(frame.line)}`"
    return text
