"""Checks for the exercises of the notebook about the server."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectlab.course.asgi_client import post_picture, successful
from detectlab.course.verdicts import (
    NotYet,
    answer_of,
    exercise_check,
    is_close,
    known_mistake,
    number_of,
    shown,
)
from detectlab.vision.images import decode_image, encode_image, read_image

_CHANGED = 40  # difference of a pixel, of 255, that no JPEG compression makes
_GREYS = (40, 200)  # of pictures without objects


_BOXES = ([10, 20, 110, 70], [0, 5, 3, 12], [4, 4, 4, 9])
_AREAS: dict[str, Callable[[int, int, int, int], float]] = {  # width, height, x_min, y_min
    "that is width plus height": lambda w, h, x, y: w + h,
    "that is the length of its four sides": lambda w, h, x, y: 2 * (w + h),
    "that is the area from the corner of the picture": lambda w, h, x, y: (x + w) * (y + h),
    "subtract the corners first, then multiply": lambda w, h, x, y: (x + w) * (y + h) - x * y,
    "it is negative: subtract the smaller corner from the larger one": lambda w, h, x, y: -w * h,
    "from column 10 to column 110 it is 100 pixels, not 101": lambda w, h, x, y: (w + 1) * (h + 1),
    "from column 10 to column 110 it is 100 pixels, not 99": lambda w, h, x, y: (w - 1) * (h - 1),
    "that is width times width": lambda w, h, x, y: w**2,
    "that is height times height": lambda w, h, x, y: h**2,
    "that is the width alone": lambda w, h, x, y: w,
    "that is the height alone": lambda w, h, x, y: h,
    "that is half of it, a triangle": lambda w, h, x, y: w * h / 2,
    "a box is x_min, y_min, x_max, y_max": lambda w, h, x, y: (y - x) * (y + h - x - w),
}


@exercise_check
def check_box_area(box_area: Callable[[list[int]], object]) -> str:
    """Check a function that computes the area of a box in square pixels."""
    answers = [number_of(answer_of(box_area, box), "the area") for box in _BOXES]
    cases = [(x_max - x_min, y_max - y_min, x_min, y_min) for x_min, y_min, x_max, y_max in _BOXES]
    for box, (width, height, *_), answer in zip(_BOXES, cases, answers, strict=True):
        if not is_close(answer, width * height):
            raise NotYet(
                f"the box {box} measures {width} x {height} = {width * height} pixels, your "
                f"function says {answer:g}"
                + known_mistake(_AREAS, cases, answers, lambda w, h, *_: w * h)
            )
    return "Width times height, each one the difference of two corners"


_COUNTS = ((6, 2, 4), (1, 3, 0), (9, 1, 3))  # right, wrong, missed
_UNFINISHED = "is the line still to change, or does `//` drop the decimals?"
_PRECISIONS: dict[str, Callable[[int, int, int], float]] = {
    _UNFINISHED: lambda right, wrong, missed: 0.0,
    "you divide by boxes and objects together": lambda r, w, m: r / (r + w + m),
    "that is the share of the boxes that are wrong": lambda r, w, m: w / (r + w),
    "divide by all boxes, not by the wrong ones": lambda r, w, m: r / w,
    "add before you divide: put brackets around the sum": lambda r, w, m: r / r + w,
    "that is the recall": lambda r, w, m: r / (r + m),
}
_RECALLS: dict[str, Callable[[int, int, int], float]] = {
    _UNFINISHED: lambda right, wrong, missed: 0.0,
    "you divide by boxes and objects together": lambda r, w, m: r / (r + w + m),
    "that is the share of the objects that were missed": lambda r, w, m: m / (r + m),
    "add before you divide: put brackets around the sum": lambda r, w, m: r / r + m,
    "that is the precision again": lambda r, w, m: r / (r + w),
}


@exercise_check
def check_precision_and_recall(precision_and_recall: Callable[[int, int, int], object]) -> str:
    """Check a function of the right, wrong and missed objects that gives precision and recall."""
    pairs = [_two_numbers(answer_of(precision_and_recall, *counts)) for counts in _COUNTS]
    precisions, recalls = zip(*pairs, strict=True)
    for (right, wrong, missed), given in zip(_COUNTS, pairs, strict=True):
        boxes, objects = right + wrong, right + missed
        expected = (right / boxes, right / objects)
        if all(map(is_close, given, expected)):
            continue
        if all(map(is_close, given, reversed(expected))):
            raise NotYet("the two are swapped: precision comes first")
        if all(map(is_close, given, [100 * share for share in expected])):
            raise NotYet("give shares from 0 to 1, not percentages")
        if not is_close(given[0], expected[0]):
            raise NotYet(
                f"{right} of {boxes} boxes are right, so precision is {expected[0]:g}. Yours is "
                f"{given[0]:g}"
                + known_mistake(_PRECISIONS, _COUNTS, precisions, lambda r, w, m: r / (r + w))
            )
        raise NotYet(
            f"{right} of {objects} objects are found, so recall is {expected[1]:g}. Yours is "
            f"{given[1]:g}" + known_mistake(_RECALLS, _COUNTS, recalls, lambda r, w, m: r / (r + m))
        )
    return "Precision judges the boxes, recall the objects"


def _two_numbers(answer: Any) -> tuple[float, float]:
    if not isinstance(answer, tuple | list | np.ndarray) or len(answer) != 2:
        raise NotYet(f"return two numbers, separated by a comma. Yours gives {shown(answer)}")
    return number_of(answer[0], "precision"), number_of(answer[1], "recall")


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
        answer = successful(post_picture(app, "/predict", data, params), "/predict")
        try:
            pixels = decode_image(answer.body).pixels
        except ValueError:
            raise NotYet(f"answer with the picture. Yours is {shown(answer.json())}") from None
        if pixels.shape != original.shape:
            raise NotYet("the answer should be as large as the picture that was sent")
        difference = np.abs(pixels.astype(int) - original).max(axis=2)
        return answer.body, int((difference > _CHANGED).sum())

    half, low, high, usual = (drawn(confidence) for confidence in ("0.5", "0.1", "0.99", None))
    if not half[1]:
        raise NotYet("there is no box in the answer. Draw with `draw_bbox` what `detect` found")
    if low[0] == half[0]:
        raise NotYet(
            "0.1 and 0.5 give the same picture. Does `predict` take `confidence`, and does it "
            "pass it on to `detect`?"
        )
    if low[1] <= half[1]:
        raise NotYet("0.1 should draw more boxes than 0.5, not fewer")
    if high[1]:
        raise NotYet("at 0.99 nothing here is sure enough. Pass `confidence` on as it comes")
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
            successful(post_picture(app, "/question", data), "/question").json()
            for data in (Path(picture).read_bytes(), copy)
        )
        if isinstance(first, str) and "\ufffd" in first:
            raise NotYet("answer the question, not with a picture: a number, a text, a dictionary")
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
    _check_empty_pictures(app, pictures, answers)
    return f"Your endpoint tells the pictures apart: {', '.join(map(shown, answers))}"


def _check_empty_pictures(app: Any, pictures: Sequence[str | Path], answers: Sequence[Any]) -> None:
    """Plain grey pictures, as large as the others, tell an answer that looks at no objects."""
    sizes = [read_image(picture).shape for picture in pictures]
    dark, bright = (
        [_answer_for_grey(app, np.full(size, grey, np.uint8)) for size in sizes] for grey in _GREYS
    )
    for one, other in zip(dark, bright, strict=True):
        if one != other:
            raise NotYet(
                f"a dark picture and a bright one, both without objects, got {shown(one)} and "
                f"{shown(other)}. Ask what `detect` found, not the pixels"
            )
    if dark == list(answers):
        raise NotYet(
            "grey pictures without objects get the same answers as yours of the same size. Ask "
            "what `detect` found, not how large the picture is"
        )


def _answer_for_grey(app: Any, pixels: NDArray[np.uint8]) -> Any:
    try:
        answer = post_picture(app, "/question", encode_image(pixels, "PNG"))
        return successful(answer, "/question").json()
    except NotYet as hint:
        raise NotYet(f"when nothing is found in a picture, {hint}") from None
