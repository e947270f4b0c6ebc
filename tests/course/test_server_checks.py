"""The exercises' checks: what they say to first attempts."""

import cv2
import numpy as np
import pytest
from fastapi import FastAPI, Response, UploadFile

from detectlab.course import server_checks


def fails(*arguments):
    raise NameError("name 'y_max' is not defined")


@pytest.mark.parametrize(
    ("check", "attempt", "hint"),
    [
        pytest.param("check_box_area", lambda box: 0, "100 x 50 = 5000", id="area-zero"),
        pytest.param("check_box_area", lambda box: box[2] * box[3], "says 7700", id="area-corner"),
        pytest.param("check_box_area", fails, "says NameError: name 'y_max'", id="area-raises"),
        pytest.param("check_precision_and_recall", lambda *n: 0.75, "two numbers", id="pr-one"),
        pytest.param("check_precision_and_recall", fails, "two numbers", id="pr-raises"),
        pytest.param(
            "check_precision_and_recall", lambda *n: (0.6, 0.6), "6 of 8", id="pr-precision"
        ),
        pytest.param(
            "check_precision_and_recall", lambda *n: (0.75, 0.75), "6 of 10", id="pr-recall"
        ),
        pytest.param("check_question", [3, 3, 3], "every picture gets the answer 3", id="question"),
        pytest.param("check_predict_url", lambda *n: "BASE", "start with the base", id="url-base"),
        pytest.param("check_predict_url", lambda b, *n: b, "is missing", id="url-endpoint"),
        pytest.param(
            "check_predict_url",
            lambda b, m, c: f"{b}/predict?model={m}",
            "confidence=0.25",
            id="url-query",
        ),
        pytest.param("check_statuses", {}, "all is well", id="statuses-none"),
        pytest.param(
            "check_statuses",
            {"an apple, nothing wrong": 200, "a confidence of 7": 400},
            "outside its range. Which code in the table says that?",
            id="statuses-wrong",
        ),
        pytest.param("check_counts", {"a": 1}, "at least three", id="counts-few"),
        pytest.param("check_counts", {"a": 1, "b": 2.5, "c": 0}, "whole number", id="counts-kind"),
        pytest.param("check_counts", {"a": 0, "b": 0, "c": 0}, "every count is 0", id="zero"),
    ],
)
def test_check_of_wrong_attempt_says_not_yet_and_why(capsys, check, attempt, hint):
    getattr(server_checks, check)(attempt)

    said = capsys.readouterr().out
    assert said.startswith("Not yet: ")
    assert hint in said


@pytest.mark.parametrize(
    ("check", "attempt"),
    [
        pytest.param("check_box_area", lambda b: (b[2] - b[0]) * (b[3] - b[1]), id="area"),
        pytest.param("check_precision_and_recall", lambda *n: (0.75, 0.6), id="pr"),
        pytest.param("check_question", [1, 3, 0], id="question"),
        pytest.param(
            "check_predict_url", lambda b, m, c: f"{b}/predict?confidence={c}&model={m}", id="url"
        ),
        pytest.param("check_counts", {"a": 1, "b": 2, "c": 0}, id="counts"),
    ],
)
def test_check_of_right_attempt_says_correct(capsys, check, attempt):
    getattr(server_checks, check)(attempt)

    assert capsys.readouterr().out.startswith("Correct. ")


def app_that(answer):
    """An app whose `/predict` answers with the bytes that `answer` makes of the confidence."""
    app = FastAPI()

    @app.post("/predict")
    def predict(file: UploadFile, confidence: float = 0.5):
        return Response(answer(confidence))

    return app


def broken(confidence):
    raise ValueError("the learner's own mistake")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        pytest.param(lambda c: str(c), "Correct. The client chooses", id="right"),
        pytest.param(lambda c: "same", "Not yet: 0.1 and 0.5 give the same", id="unused"),
        pytest.param(broken, "Not yet: the server answered an error. 500", id="fails"),
    ],
)
def test_confidence_check_of_app_says(capsys, tmp_path, answer, verdict):
    picture = tmp_path / "grey.png"
    cv2.imwrite(str(picture), np.full((8, 8, 3), 127, np.uint8))

    server_checks.check_confidence_parameter(app_that(answer), picture)

    assert capsys.readouterr().out.startswith(verdict)


@pytest.mark.slow
def test_confidence_check_of_app_with_another_default_says_so(capsys, tmp_path):
    app = FastAPI()

    @app.post("/predict")
    def predict(file: UploadFile, confidence: float = 0.9):
        return Response(str(confidence))

    picture = tmp_path / "grey.png"
    cv2.imwrite(str(picture), np.full((8, 8, 3), 127, np.uint8))

    server_checks.check_confidence_parameter(app, picture)

    assert "sends no confidence should get 0.5" in capsys.readouterr().out
