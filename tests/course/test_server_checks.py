"""Checks of the server's exercises: typical wrong answers, and right ones of several forms."""

from fractions import Fraction
from io import BytesIO
from itertools import count
from types import SimpleNamespace
from typing import Annotated

import cv2
import numpy as np
import pytest
from fastapi import FastAPI, File, Form, Header, HTTPException, Query, Response, UploadFile
from fastapi.responses import StreamingResponse

from detectlab import Detections, draw_bbox, encode_image
from detectlab.course.server_checks import (
    check_box_area,
    check_confidence_parameter,
    check_precision_and_recall,
    check_question,
)
from detectlab.vision.images import decode_image

# Three objects, of which two are found only below 0.5.
FOUND = Detections(
    np.array([[10, 20, 90, 80], [100, 30, 160, 110], [30, 120, 120, 180]]),
    np.array([0.9, 0.4, 0.2]),
    np.array([0, 0, 1]),
    ("apple", "orange"),
)


def prints_only(box):
    x_min, y_min, x_max, y_max = box
    (x_max - x_min) * (y_max - y_min)


def measures_in_place(box):
    box[2] -= box[0]
    box[3] -= box[1]
    return box[2] * box[3]


def leaves(box):
    raise SystemExit(1)


def misspelt(box):
    return (x_max - box[0]) * 2  # noqa: F821


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(lambda b: b[2] - b[0] + b[3] - b[1], "width plus height", id="sum"),
        pytest.param(lambda b: b[2] * b[3], "from the corner of the picture", id="corner"),
        pytest.param(lambda b: b[2] * b[3] - b[0] * b[1], "subtract the corners first", id="areas"),
        pytest.param(lambda b: (b[0] - b[2]) * (b[3] - b[1]), "it is negative", id="negative"),
        pytest.param(lambda b: (b[2] - b[0] + 1) * (b[3] - b[1] + 1), "not 101", id="plus-one"),
        pytest.param(lambda b: (b[2] - b[0]) ** 2, "width times width", id="square"),
        pytest.param(lambda b: 5000, "3 x 7 = 21 pixels, your function says 5000", id="constant"),
        pytest.param(prints_only, "is there a `return`?", id="none"),
        pytest.param(lambda b: "5000", "should be a number. Yours is '5000'", id="text"),
        pytest.param(misspelt, "NameError: name 'x_max' is not defined. Look", id="raises"),
        pytest.param(5000, "pass the function itself", id="called"),
        pytest.param(measures_in_place, "changes what it gets, to [10, 20, 100, 50]", id="place"),
        pytest.param(leaves, "your function raised SystemExit: 1", id="leaves"),
        pytest.param(lambda b: (b[2] - b[0]) * (b[3] - b[1]) / 2, "half of it", id="half"),
        pytest.param(lambda b: (b[1] - b[0]) * (b[3] - b[2]), "x_min, y_min, x_max", id="order"),
        pytest.param(lambda b: (b[2] - b[0] - 1) * (b[3] - b[1] - 1), "not 99", id="minus-one"),
        pytest.param(lambda b: b[2] - b[0], "that is the width alone", id="width"),
        pytest.param(lambda b: np.array([5000, 5000]), "not an array", id="array"),
        pytest.param(lambda b: np.True_, "should be a number. Yours is np.True_", id="bool"),
        pytest.param(lambda b: 10**400, "should be a number. Yours is 1000", id="huge"),
        pytest.param(lambda b: float("nan"), "your function says nan", id="nan"),
        pytest.param(lambda b: 7, "yours gives the same each time", id="seven"),
    ],
)
def test_box_area_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_box_area, attempt)


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(lambda b: (b[2] - b[0]) * (b[3] - b[1]), id="product"),
        pytest.param(lambda b: float(np.prod(np.subtract(b[2:], b[:2]))), id="numpy"),
        pytest.param(lambda b: abs(b[0] - b[2]) * abs(b[1] - b[3]), id="abs"),
        pytest.param(lambda b: np.array((b[2] - b[0]) * (b[3] - b[1])), id="numpy-scalar"),
        pytest.param(lambda b: Fraction((b[2] - b[0]) * (b[3] - b[1])), id="fraction"),
        pytest.param(lambda b: sum(b[3] - b[1] for _ in range(b[0], b[2])), id="columns"),
    ],
)
def test_box_area_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_box_area, attempt).startswith("Correct. ")


def test_printing_instead_of_returning_is_named(capsys):
    check_box_area(lambda b: print((b[2] - b[0]) * (b[3] - b[1])))

    printed, said = capsys.readouterr().out.splitlines()
    assert printed == "5000"
    assert said.endswith("prints its answer: write `return` instead of `print`")


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(lambda r, w, m: (0.75, 0.6), "1 of 4 boxes are right", id="constants"),
        pytest.param(lambda r, w, m: (r / (r + m), r / (r + w)), "are swapped", id="swapped"),
        pytest.param(lambda r, w, m: r / (r + w), "two numbers, separated by", id="one"),
        pytest.param(
            lambda r, w, m: (100 * r / (r + w), 100 * r / (r + m)), "not percentages", id="percent"
        ),
        pytest.param(
            lambda r, w, m: (r / (r + w + m), r / (r + m)), "boxes and objects together", id="all"
        ),
        pytest.param(lambda r, w, m: (r / (r + w), m / (r + m)), "recall is 0.6", id="missed"),
        pytest.param(lambda r, w, m: (r // (r + w), 0), "`//` drop the decimals?", id="floor"),
        pytest.param(lambda r, w, m: (r / w, r / (m or 1)), "not by the wrong ones", id="ratio"),
        pytest.param(lambda r, w, m: (r / r + w, r / r + m), "brackets around the sum", id="sum"),
        pytest.param(lambda r, w, m: (w / (r + w), 0), "boxes that are wrong", id="wrong-share"),
        pytest.param(lambda r, w, m: (r / (r + w), m / (r + m)), "that were missed", id="misses"),
        pytest.param(lambda r, w, m: (r / (r + w),) * 2, "the precision again", id="twice"),
        pytest.param(lambda r, w, m: (r / (r + m),) * 2, "that is the recall", id="recall-twice"),
        pytest.param(lambda r, w, m: (round(r / (r + w)), 1), "Yours is 1", id="rounded"),
        pytest.param(lambda r, w, m: {"precision": 1, "recall": 1}, "two numbers", id="names"),
        pytest.param(lambda r, w, m: {r / (r + w), r / (r + m)}, "two numbers", id="set"),
        pytest.param(lambda r, w, m: (n for n in (1, 2)), "two numbers", id="generator"),
        pytest.param(lambda r, w, m: ("0.75", "0.6"), "precision should be a number", id="text"),
        pytest.param(lambda r, w: (1, 1), "TypeError", id="arguments"),
        pytest.param(lambda r, w, m: None, "Yours gives None", id="none"),
    ],
)
def test_precision_and_recall_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_precision_and_recall, attempt)


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(lambda r, w, m: (r / (r + w), r / (r + m)), id="tuple"),
        pytest.param(lambda r, w, m: [1 - w / (r + w), 1 - m / (r + m)], id="list"),
        pytest.param(lambda r, w, m: r / np.array([r + w, r + m]), id="array"),
        pytest.param(lambda r, w, m: (Fraction(r, r + w), Fraction(r, r + m)), id="fractions"),
    ],
)
def test_precision_and_recall_that_are_right_are_correct(verdict, attempt):
    assert verdict(check_precision_and_recall, attempt).startswith("Correct. ")


@pytest.fixture
def picture(tmp_path):
    file = tmp_path / "grey.png"
    cv2.imwrite(str(file), np.full((200, 200, 3), 127, np.uint8))
    return file


def drawn(file, confidence):
    if not isinstance(confidence, float):
        raise TypeError("'<=' not supported between instances of 'float' and 'str'")
    return encode_image(draw_bbox(decode_image(file.file.read()).pixels, FOUND.above(confidence)))


def make_app(predict, path="/predict", verb="post"):
    app = FastAPI()
    getattr(app, verb)(path)(predict)
    return app


def forgets(file: UploadFile):
    return Response(drawn(file, 0.5))


def ignores(file: UploadFile, confidence: float = 0.5):
    return Response(drawn(file, 0.5))


def untyped(file: UploadFile, confidence=0.5):
    return Response(drawn(file, confidence))


def other_default(file: UploadFile, confidence: float = 0.9):
    return Response(drawn(file, confidence))


def no_default(file: UploadFile, confidence: float):
    return Response(drawn(file, confidence))


def upside_down(file: UploadFile, confidence: float = 0.5):
    return Response(drawn(file, 1.0 - confidence))


def other_name(file: UploadFile, threshold: float = 0.5):
    return Response(drawn(file, threshold))


def in_the_body(file: UploadFile, confidence: Annotated[float, Form()] = 0.5):
    return Response(drawn(file, confidence))


def other_file(picture: UploadFile, confidence: float = 0.5):
    return Response(drawn(picture, confidence))


def misspelt_body(file: UploadFile, confidence: float = 0.5):
    return Response(drawn(file, confidense))  # noqa: F821


def numbers(file: UploadFile, confidence: float = 0.5):
    return len(FOUND.above(confidence))


def refuses(file: UploadFile, confidence: float = 0.5):
    raise HTTPException(418, "no tea")


def whole(file: UploadFile, confidence: int = 0.5):
    return Response(drawn(file, float(confidence)))


def at_most_half(file: UploadFile, confidence: float = 0.5):
    return Response(drawn(file, min(confidence, 0.5)))


def undrawn(file: UploadFile, confidence: float = 0.5):
    return Response(encode_image(decode_image(file.file.read()).pixels))


def pixels(file: UploadFile, confidence: float = 0.5):
    return decode_image(file.file.read()).pixels


def bare_bytes(file: UploadFile, confidence: float = 0.5):
    return drawn(file, confidence)


def in_a_header(file: UploadFile, confidence: Annotated[float, Header()] = 0.5):
    return Response(drawn(file, confidence))


def smaller(file: UploadFile, confidence: float = 0.5):
    return Response(encode_image(decode_image(drawn(file, confidence)).pixels[::2, ::2]))


@pytest.mark.parametrize(
    ("predict", "hint"),
    [
        pytest.param(forgets, "0.1 and 0.5 give the same picture", id="forgotten"),
        pytest.param(ignores, "does it pass it on to `detect`?", id="ignored"),
        pytest.param(other_name, "Does `predict` take `confidence`", id="name"),
        pytest.param(in_the_body, "0.1 and 0.5 give the same picture", id="form"),
        pytest.param(untyped, "Without a type hint, a parameter arrives as text", id="untyped"),
        pytest.param(other_default, "should get 0.5. Change the default", id="default"),
        pytest.param(no_default, "it needs a default, for clients that send", id="required"),
        pytest.param(upside_down, "should draw more boxes than 0.5", id="upside-down"),
        pytest.param(other_file, "because of picture. The picture comes in `file`", id="field"),
        pytest.param(
            misspelt_body, "NameError: name 'confidense' is not defined. Look at", id="raises"
        ),
        pytest.param(numbers, "answer with the picture. Yours is 1", id="numbers"),
        pytest.param(refuses, "answers with status 418", id="refuses"),
        pytest.param(whole, "should be a valid integer", id="int"),
        pytest.param(at_most_half, "at 0.99 nothing here is sure", id="at-most-half"),
        pytest.param(undrawn, "there is no box in the answer. Draw with", id="undrawn"),
        pytest.param(pixels, "A picture goes into a `Response(encode_image", id="pixels"),
        pytest.param(bare_bytes, "A picture goes into a `Response(encode_image", id="bytes"),
        pytest.param(in_a_header, "does it pass it on to `detect`?", id="header"),
        pytest.param(smaller, "as large as the picture that was sent", id="smaller"),
    ],
)
def test_confidence_parameter_with_a_mistake_names_it(not_yet, picture, predict, hint):
    assert hint in not_yet(check_confidence_parameter, make_app(predict), picture)


@pytest.mark.parametrize(
    ("path", "verb", "hint"),
    [
        pytest.param("/detect", "post", "nothing answers at /predict", id="path"),
        pytest.param("/predict", "put", "/predict has another verb: use `.post(...)`", id="verb"),
    ],
)
def test_confidence_parameter_at_another_place_says_where(verdict, picture, path, verb, hint):
    assert hint in verdict(check_confidence_parameter, make_app(ignores, path, verb), picture)


def right(file: UploadFile, confidence: float = 0.5):
    return Response(drawn(file, confidence))


async def right_and_checked(
    file: UploadFile, confidence: Annotated[float, Query(gt=0, lt=1)] = 0.5
):
    return StreamingResponse(iter([drawn(file, confidence)]), media_type="image/jpeg")


def right_as_text(file: Annotated[bytes, File()], confidence: str = "0.5"):
    return Response(drawn(SimpleNamespace(file=BytesIO(file)), float(confidence)))


def right_as_png(file: UploadFile, confidence: float | None = None):
    confidence = 0.5 if confidence is None else confidence
    return Response(encode_image(decode_image(drawn(file, confidence)).pixels, "PNG"))


@pytest.mark.parametrize("predict", [right, right_and_checked, right_as_text, right_as_png])
def test_confidence_parameter_that_is_right_is_correct(verdict, picture, predict):
    said = verdict(check_confidence_parameter, make_app(predict), picture)

    assert said.startswith("Correct. The client chooses")


@pytest.fixture
def pictures(tmp_path):
    """A picture of an apple and a larger one of two oranges, as JPEG files."""
    files = [tmp_path / "apple.jpg", tmp_path / "oranges.jpg"]
    for file, side in zip(files, (40, 60), strict=True):
        pixels = np.full((side, 60, 3), 40, np.uint8)
        pixels[5:-5, 5:25] = 200
        cv2.imwrite(str(file), pixels)
    return files


def labels_of(file):
    """Stands for a detector: a plain picture has nothing, a larger one oranges."""
    pixels = decode_image(file.file.read()).pixels
    return [] if pixels.std() < 10 else ["orange", "orange"] if len(pixels) > 50 else ["apple"]


def largest_count(file: UploadFile):
    return max(labels_of(file).count("orange"))


def constant(file: UploadFile):
    return 5


def file_size(file: UploadFile):
    return len(file.file.read())


def numpy_number(file: UploadFile):
    return np.int64(len(labels_of(file)))


def array(file: UploadFile):
    return np.array(labels_of(file))


CALLS = count()


def counter(file: UploadFile):
    return next(CALLS)


def name(file: UploadFile):
    return file.filename


def picture_of_it(file: UploadFile):
    return Response(drawn(file, 0.5))


def refuses_some(file: UploadFile):
    if not (labels := labels_of(file)):
        raise HTTPException(404, "There is none.")
    return labels


def nan(file: UploadFile):
    return float("nan")


def height(file: UploadFile):
    return decode_image(file.file.read()).pixels.shape[0]


def brightness(file: UploadFile):
    return round(float(decode_image(file.file.read()).pixels.mean()))


def first_label(file: UploadFile):
    return labels_of(file)[0]


def needs_more(file: UploadFile, colour: str):
    return colour


def nothing(file: UploadFile):
    labels_of(file)


@pytest.mark.parametrize(
    ("question", "hint"),
    [
        pytest.param(largest_count, "raised TypeError: 'int' object is not iterable", id="raises"),
        pytest.param(
            largest_count, 'line: `return max(labels_of(file).count("orange"))`', id="line"
        ),
        pytest.param(constant, "every picture gets the answer 5", id="constant"),
        pytest.param(file_size, "the same picture in another file", id="size"),
        pytest.param(nothing, "every picture gets the answer None", id="none"),
        pytest.param(needs_more, "(422) because of colour", id="parameter"),
        pytest.param(numpy_number, "return a plain one, with `int(...)`", id="numpy"),
        pytest.param(array, "FastAPI cannot turn into JSON what you return", id="array"),
        pytest.param(counter, "the same picture in another file", id="counter"),
        pytest.param(name, "every picture gets the answer 'picture.png'", id="name"),
        pytest.param(picture_of_it, "answer the question, not with a picture", id="picture"),
        pytest.param(
            refuses_some,
            "nothing is found in a picture, /question answers with status 404: {'detail'",
            id="refuses",
        ),
        pytest.param(
            first_label, "is found in a picture, your endpoint raised IndexError", id="first"
        ),
        pytest.param(height, "Ask what `detect` found, not how large", id="height"),
        pytest.param(brightness, "without objects, got 40 and 200", id="brightness"),
        pytest.param(nan, "raised ValueError: Out of range float values", id="nan"),
    ],
)
def test_question_with_a_mistake_names_it(not_yet, pictures, question, hint):
    assert hint in not_yet(check_question, make_app(question, "/question"), pictures)


def test_question_at_another_path_says_where(verdict, pictures):
    assert "nothing answers at /question" in verdict(check_question, make_app(constant), pictures)


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(lambda file: labels_of(file).count("orange"), id="count"),
        pytest.param(lambda file: {"any": "orange" in labels_of(file)}, id="dictionary"),
        pytest.param(lambda file: ", ".join(labels_of(file)) or "nothing", id="text"),
        pytest.param(lambda file: set(labels_of(file)), id="set"),
        pytest.param(lambda file: "orange" in labels_of(file), id="yes-or-no"),
    ],
)
def test_question_that_depends_on_the_picture_is_correct(verdict, pictures, question):
    def endpoint(file: UploadFile):
        return question(file)

    said = verdict(check_question, make_app(endpoint, "/question"), pictures)

    assert said.startswith("Correct. Your endpoint tells the pictures apart")
