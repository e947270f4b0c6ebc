"""Checks of the client's exercises: typical wrong answers, and right ones of several forms."""

from http import HTTPStatus
from urllib.parse import urlencode

import numpy as np
import pytest

from detectlab.client import ServerUnreachable
from detectlab.course.client_checks import check_counts, check_predict_url, check_statuses

APPLE, SEVEN, NOWHERE, FULL = (
    "an apple, nothing wrong",
    "a confidence of 7",
    "an address that does not exist",
    "a queue that is full",
)
RIGHT = {APPLE: 200, SEVEN: 422, NOWHERE: 404, FULL: 503}


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(lambda b, m, c: b, "/predict. Yours is missing", id="base"),
        pytest.param(lambda b, m, c: "BASE/predict", "start with the base", id="quoted"),
        pytest.param(
            lambda b, m, c: f"{b}predict?model={m}&confidence={c}", "is /predict", id="no-slash"
        ),
        pytest.param(
            lambda b, m, c: f"{b}/predict/model={m}&confidence={c}", "comes a `?`", id="no-mark"
        ),
        pytest.param(
            lambda b, m, c: f"{b}/predict?model={m},confidence={c}", "are joined by `&`", id="comma"
        ),
        pytest.param(
            lambda b, m, c: f"{b}/predict?model={m}?confidence={c}", "are joined by `&`", id="marks"
        ),
        pytest.param(lambda b, m, c: f"{b}/predict?model={m}", "confidence=0.25", id="one"),
        pytest.param(
            lambda b, m, c: f"{b}/predict?model=nano&confidence={c}",
            "model should be yolov3-tiny",
            id="fixed",
        ),
        pytest.param(
            lambda b, m, c: f"{b}/predict?model={m}& confidence={c}", "no spaces", id="space"
        ),
        pytest.param(
            lambda b, m, c: b + "/predict?model=" + m + "&confidence=" + c, "TypeError", id="plus"
        ),
        pytest.param(lambda b, m, c: None, "return the URL, a text. Yours is None", id="none"),
        pytest.param(
            lambda b, m, c: "{b}/predict?model={m}&confidence={c}", "Is the `f` before", id="no-f"
        ),
        pytest.param(
            lambda b, m, c: f"{b}/predict?model={c}&confidence={m}",
            "model should be nano, as the argument says. Yours is '0.25'",
            id="swapped",
        ),
        pytest.param(
            lambda b, m, c: f"{b}/predict?model={m}&confidence={100 * c}",
            "confidence should be 0.25",
            id="percent",
        ),
        pytest.param(
            lambda b, m, c: f"{b}/predict?model={m}&confidence={c:.1f}", "Yours is '0.2'", id="cut"
        ),
        pytest.param(
            lambda b, m, c: f"{b}/predict?model={m}+confidence={c}", "Yours has '+'", id="plus-sign"
        ),
        pytest.param(
            lambda b, m, c: f"{b}/predict?model={m}&confidence={c}&x=1", "two parameters", id="x"
        ),
        pytest.param(
            lambda b, m, c: f"http://127.0.0.1:8000/predict?model={m}&confidence={c}",
            "the base that comes as an argument",
            id="own-base",
        ),
        pytest.param(
            lambda b, m, c: f"{b}/predict?model={m}&confidence={c}".encode(), "a text", id="bytes"
        ),
    ],
)
def test_predict_url_with_a_mistake_names_it(not_yet, attempt, hint):
    assert hint in not_yet(check_predict_url, attempt)


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(lambda b, m, c: f"{b}/predict?model={m}&confidence={c}", id="f-string"),
        pytest.param(lambda b, m, c: f"{b}/predict?confidence={c}&model={m}", id="order"),
        pytest.param(
            lambda b, m, c: b + "/predict?" + urlencode({"model": m, "confidence": c}), id="library"
        ),
        pytest.param(lambda b, m, c: f"{b}/predict?model={m}&confidence={c:.2f}", id="decimals"),
    ],
)
def test_predict_url_that_is_right_is_correct(verdict, attempt):
    assert verdict(check_predict_url, attempt).startswith("Correct. ")


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(RIGHT | {SEVEN: 0}, "a parameter outside its range. Which", id="unfilled"),
        pytest.param(RIGHT | {SEVEN: 400}, "a parameter outside its range", id="near"),
        pytest.param(RIGHT | {SEVEN: 503}, "503, begins with another digit", id="digit"),
        pytest.param(RIGHT | {FULL: 429}, "only busy: ask again later", id="busy"),
        pytest.param(RIGHT | {NOWHERE: "404"}, "404 is right, but as a number", id="text"),
        pytest.param(RIGHT | {NOWHERE: None}, "a whole number. Yours is None", id="none"),
        pytest.param({APPLE: 200}, "`statuses` lacks 'a confidence of 7'", id="missing"),
        pytest.param(RIGHT | {"a kettle": 418}, "unknown key, 'a kettle'", id="extra"),
        pytest.param([200, 422, 404, 503], "should be a dictionary", id="list"),
        pytest.param(RIGHT | {FULL: 500}, "only busy: ask again later", id="500"),
        pytest.param(RIGHT | {FULL: [503, 504]}, "whole number. Yours is [503, 504]", id="two"),
        pytest.param(RIGHT | {FULL: 503.0}, "whole number. Yours is 503.0", id="fraction"),
        pytest.param(RIGHT | {NOWHERE: 4}, "nothing is at this address. Which code", id="digit-4"),
        pytest.param(RIGHT | {APPLE: True}, "whole number. Yours is True", id="yes"),
    ],
)
def test_statuses_with_a_mistake_name_it(not_yet, attempt, hint):
    assert hint in not_yet(check_statuses, attempt)


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(RIGHT, id="numbers"),
        pytest.param(
            RIGHT | {SEVEN: HTTPStatus.UNPROCESSABLE_ENTITY, FULL: HTTPStatus.SERVICE_UNAVAILABLE},
            id="names",
        ),
        pytest.param(dict(zip(RIGHT, np.array(list(RIGHT.values())), strict=True)), id="numpy"),
    ],
)
def test_statuses_that_are_right_are_correct(verdict, attempt):
    assert verdict(check_statuses, attempt).startswith("Correct. ")


FOUND = {
    "apple.jpg": [("apple", 0.9)],
    "fruits.jpg": [("orange", 0.8), ("apple", 0.7), ("orange", 0.3)],
    "none.jpg": [("car", 0.1)],
}


class Counter:
    """A client whose server finds fixed objects in each picture."""

    def predict(self, file, confidence):
        detections = [{"class_name": name, "confidence": level} for name, level in FOUND[file.name]]
        return {"detections": [one for one in detections if one["confidence"] > confidence]}


class NoServer:
    def predict(self, file, confidence):
        raise ServerUnreachable("Nothing answers at http://127.0.0.1:9.")


@pytest.fixture
def folder(tmp_path):
    for name in FOUND:
        (tmp_path / name).touch()
    return tmp_path


def counts(apple, fruits, none):
    return {"apple.jpg": apple, "fruits.jpg": fruits, "none.jpg": none}


@pytest.mark.parametrize(
    ("attempt", "hint"),
    [
        pytest.param(counts(3, 3, 3), "every count is 3: the answer has three keys", id="keys"),
        pytest.param(counts(1, 1, 1), "every count is 1. Ask the server about each", id="constant"),
        pytest.param(counts(0, 0, 0), "every count is 0", id="zero"),
        pytest.param(counts(1, 5, 0), "fruits.jpg: it finds 2 above 0.5, yours says 5", id="many"),
        pytest.param(counts(0, 1, 1), "at no confidence", id="mixed"),
        pytest.param({"apple.jpg": 1}, "at least three pictures. Yours has 1", id="few"),
        pytest.param(counts(1, 2.5, 0), "whole number", id="fraction"),
        pytest.param(counts(1, "2", 0), "for fruits.jpg is '2'", id="text"),
        pytest.param([1, 2, 0], "should be a dictionary", id="list"),
        pytest.param({"a": 1, "b": 2, "c": 0}, "there is no picture 'a'", id="names"),
        pytest.param(counts(-1, 2, 0), "it finds 1 above 0.5, yours says -1", id="negative"),
        pytest.param(counts(1, {"detections": []}, 0), "should be a whole number", id="answer"),
        pytest.param(counts(1, True, 0), "should be a whole number", id="bool"),
        pytest.param(None, "should be a dictionary. Yours is None", id="none"),
    ],
)
def test_counts_with_a_mistake_name_it(not_yet, folder, attempt, hint):
    assert hint in not_yet(check_counts, attempt, Counter(), folder)


def test_counts_without_a_server_say_so(verdict, folder):
    said = verdict(check_counts, counts(1, 2, 0), NoServer(), folder)

    assert "the server does not answer the check. Nothing answers at" in said


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(counts(1, 2, 0), id="half"),
        pytest.param(counts(1, 3, 1), id="all"),
        pytest.param(counts(1, 1, 0), id="apples"),
        pytest.param(counts(0, 1, 0), id="sure-oranges"),
        pytest.param(counts(*np.array([1, 2, 0])), id="numpy"),
    ],
)
def test_counts_that_are_right_are_correct(verdict, folder, attempt):
    assert verdict(check_counts, attempt, Counter(), folder).startswith("Correct. ")
