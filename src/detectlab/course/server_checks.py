"""Checks for the exercises of the notebook about the server."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectlab.course.asgi_client import Answer, post_picture
from detectlab.course.verdicts import (
    NotYet,
    answer_of,
    describe,
    exercise_check,
    is_close,
    number_of,
    shown,
)
from detectlab.vision.images import decode_image, encode_image, read_image

_CHANGED = 40  # difference of a pixel, of 255, that no JPEG compression makes


@exercise_check
def check_box_area(box_area: Callable[[list[int]], object]) -> str:
    """Check a function that computes the area of a box in square pixels."""
    for box in ([10, 20, 110, 70], [0, 5, 3, 12], [4, 4, 4, 9]):
        x_min, y_min, x_max, y_max = box
        width, height = x_max - x_min, y_max - y_min
        answer = number_of(answer_of(box_area, box), "the area")
        if is_close(answer, width * height):
            continue
        mistakes: dict[float, str] = {
            width + height: "that is width plus height",
            2 * (width + height): "that is the length of its four sides",
            x_max * y_max: "that is the area from the corner of the picture",
            x_max * y_max - x_min * y_min: "subtract the corners first, then multiply",
            -width * height: "it is negative: subtract the smaller corner from the larger one",
            (width + 1) * (height + 1): "from column 10 to column 110 it is 100 pixels, not 101",
            width**2: "that is width times width",
            height**2: "that is height times height",
        }
        raise NotYet(
            f"the box {box} measures {width} x {height} = {width * height} pixels, your function "
            f"says {answer:g}" + _explained(mistakes, answer)
        )
    return "Width times height, each one the difference of two corners"


@exercise_check
def check_precision_and_recall(precision_and_recall: Callable[[int, int, int], object]) -> str:
    """Check a function of the right, wrong and missed objects that gives precision and recall."""
    for right, wrong, missed in ((6, 2, 4), (1, 3, 0), (9, 1, 3)):
        boxes, objects = right + wrong, right + missed
        answer = answer_of(precision_and_recall, right, wrong, missed)
        if not isinstance(answer, tuple | list | np.ndarray) or len(answer) != 2:
            raise NotYet(f"return two numbers, separated by a comma. Yours gives {shown(answer)}")
        given = [number_of(answer[0], "precision"), number_of(answer[1], "recall")]
        expected = [right / boxes, right / objects]
        if all(map(is_close, given, expected)):
            continue
        if all(map(is_close, given, reversed(expected))):
            raise NotYet("the two are swapped: precision comes first")
        if all(map(is_close, given, [100 * share for share in expected])):
            raise NotYet("give shares from 0 to 1, not percentages")
        mistakes = {
            right / (right + wrong + missed): "you divide by boxes and objects together",
            0.0: "is the line still to change, or does `//` drop the decimals?",
        }
        if not is_close(given[0], expected[0]):
            raise NotYet(
                f"{right} of {boxes} boxes are right, so precision is {expected[0]:g}. Yours is "
                f"{given[0]:g}" + _explained(mistakes, given[0])
            )
        raise NotYet(
            f"{right} of {objects} objects are found, so recall is {expected[1]:g}. Yours is "
            f"{given[1]:g}" + _explained(mistakes, given[1])
        )
    return "Precision judges the boxes, recall the objects"


@exercise_check
def check_confidence_parameter(app: Any, picture: str | Path) -> str:
    """Check an app whose `POST /predict` takes a `confidence`, 0.5 when the client sends none.

    Args:
        app: The learner's ASGI app.
        picture: A picture with objects of high and of low confidence.
    """
    data = Path(picture).read_bytes()
    original = read_image(picture)

    def drawn(confidence: str | None) -> tuple[bytes, int]:
        params = {"model": "nano"} | ({} if confidence is None else {"confidence": confidence})
        answer = _successful(post_picture(app, "/predict", data, params), "/predict")
        try:
            pixels = decode_image(answer.body).pixels
        except ValueError:
            raise NotYet(f"answer with the picture. Yours is {shown(answer.json())}") from None
        if pixels.shape != original.shape:
            raise NotYet("the answer should be as large as the picture that was sent")
        difference = np.abs(pixels.astype(int) - original).max(axis=2)
        return answer.body, int((difference > _CHANGED).sum())

    usual, half, low = drawn(None), drawn("0.5"), drawn("0.1")
    if low[0] == half[0]:
        raise NotYet(
            "0.1 and 0.5 give the same picture. Does `predict` take `confidence`, and does it "
            "pass it on to `detect`?"
        )
    if low[1] <= half[1]:
        raise NotYet("0.1 should draw more boxes than 0.5, not fewer")
    if usual[0] != half[0]:
        raise NotYet("a client that sends no confidence should get 0.5. Change the default")
    return "The client chooses, and a client that sends no confidence gets 0.5"


@exercise_check
def check_question(app: Any, pictures: Sequence[str | Path]) -> str:
    """Check an app whose `POST /question` answers by what is found in a picture.

    Args:
        app: The learner's ASGI app.
        pictures: Files of pictures that differ in what they show.
    """
    answers = []
    for picture in pictures:
        name = Path(picture).name
        # The same pixels in another file: an answer about what is found stays the same.
        copy = encode_image(read_image(picture), "PNG")
        first, second = (
            _successful(post_picture(app, "/question", data), "/question").json()
            for data in (Path(picture).read_bytes(), copy)
        )
        if first != second:
            raise NotYet(
                f"{name} got the answer {shown(first)}, and the same picture in another file "
                f"{shown(second)}. Let the answer depend on what is found"
            )
        answers.append(first)
    if len(set(map(str, answers))) < 2:
        raise NotYet(
            f"every picture gets the answer {shown(answers[0])}. Make it depend on what is found"
        )
    return f"Your endpoint tells the pictures apart: {', '.join(map(str, answers))}"


def _successful(answer: Answer, path: str) -> Answer:
    """The answer, when it is 200."""
    if answer.error is not None:
        text = f"your endpoint raised {describe(answer.error)}"
        if isinstance(answer.error, TypeError) and "'str'" in str(answer.error):
            text += " Without a type hint, a parameter arrives as text"
        raise NotYet(text)
    if answer.status == 404:
        raise NotYet(f"nothing answers at {path}: write the path in the decorator as it is here")
    if answer.status == 405:
        raise NotYet(f"{path} has another verb: use `.post(...)`, since the picture is in the body")
    if answer.status == 422:
        content = answer.json()
        details = content.get("detail") if isinstance(content, dict) else None
        names = [str(one["loc"][-1]) for one in details] if isinstance(details, list) else []
        raise NotYet(
            f"{path} refuses the request (422) because of {', '.join(names) or shown(content)}. "
            "The picture comes in `file`; `confidence` and `model` in the address"
        )
    if answer.status != 200:
        raise NotYet(f"{path} answers with status {answer.status}: {shown(answer.json())}")
    return answer


def _explained(mistakes: dict[float, str], answer: float) -> str:
    """The reason of a known mistake, for the end of a hint."""
    for value, reason in mistakes.items():
        if is_close(answer, value):
            return f"; {reason}"
    return ""
