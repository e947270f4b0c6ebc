"""The check of the learner's service: typical wrong ones, and right ones of two forms."""

import base64
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

from detectlab.course.own_files import labs
from detectlab.course.service_checks import check_service

OWN = labs("own_service")
SIDES = OWN.SIDES
answer = OWN.answer

PICTURE = np.full((60, 80, 3), (100, 127, 127), np.uint8)  # redder than blue


class Question(BaseModel):
    model: str = "medium"
    image: str
    confidence: float = 0.5


class Strict(Question):
    confidence: float = Field(0.5, ge=0, le=1)


class Pretended:
    """A network: more objects for larger inputs."""

    def __init__(self, name):
        self.count = 1 + list(SIDES).index(name)

    def rows(self, picture):
        xs = np.arange(1, self.count + 2) / 5
        ones = np.ones(len(xs))
        redness = picture.mean(axis=(0, 1))[2] / 255
        scores = [0.8 + redness / 10] * self.count + [0.2]
        columns = [xs, ones / 2, ones / 10, ones / 10, ones, scores, *[0 * ones] * 4]
        return np.stack(columns, axis=1).astype(np.float32)


MODELS = SimpleNamespace(load_model=Pretended)


def make(answer=answer, question=Question, models=list(SIDES)):  # noqa: B006
    app = FastAPI()
    app.get("/models")(lambda: models)

    @app.post("/predict")
    def predict(asked: question):
        return answer(asked, MODELS)

    return app


def changed(**changes):
    """Answers with something else in them."""
    return lambda question, models: answer(question, models) | changes


def swaps_colours(question, models):
    if question.model not in SIDES or question.image in ("", "no base64!"):
        return answer(question, models)
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(question.image), np.uint8), 1)
    if picture is None:
        return answer(question, models)
    image = base64.b64encode(cv2.imencode(".png", picture[..., ::-1])[1]).decode()
    return answer(SimpleNamespace(**vars(question) | {"image": image}), models)


def as_half(question, models):
    return answer(SimpleNamespace(**vars(question) | {"confidence": 0.5}), models)


def always_large(question, models):
    return answer(SimpleNamespace(**vars(question) | {"model": "large"}), models) | {
        "model": question.model
    }


def no_lookup(question, models):
    data = base64.b64decode(question.image)
    models.load_model(question.model)
    cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return answer(question, models)


def trusts_base64(question, models):
    if question.model in SIDES:
        base64.b64decode(question.image, validate=True)
    return answer(question, models)


def trusts_pictures(question, models):
    if question.image != "no base64!" and question.model in SIDES:
        data = np.frombuffer(base64.b64decode(question.image), np.uint8)
        cv2.imdecode(data, cv2.IMREAD_COLOR).mean()
    return answer(question, models)


def uses_none(question, models):
    if question.model in SIDES:
        data = np.frombuffer(base64.b64decode(question.image), np.uint8)
        cv2.dnn.blobFromImage(cv2.imdecode(data, cv2.IMREAD_COLOR), 1 / 255, (416, 416))
    return answer(question, models)


class Result(BaseModel):
    detections: list[dict]
    time: float
    model: str


def returns_its_refusal():
    app = FastAPI()
    app.get("/models")(lambda: list(SIDES))

    @app.post("/predict")
    def predict(asked: Question) -> Result:
        if asked.model not in SIDES:
            return {"error": f"There are {list(SIDES)}."}
        return answer(asked, MODELS)

    return app


def unhelpful(question, models):
    if question.model not in SIDES:
        raise HTTPException(400, "No.")
    return answer(question, models)


def not_found(question, models):
    if question.model not in SIDES:
        raise HTTPException(404, f"There are {list(SIDES)}.")
    return answer(question, models)


def mirrored(question, models):
    result = answer(question, models)
    for one in result["detections"]:
        one["x_min"], one["x_max"] = one["x_max"], one["x_min"]
    return result


def with_each(change):
    """Answers whose objects are changed."""

    def changing(question, models):
        result = answer(question, models)
        return result | {"detections": [one | change(one) for one in result["detections"]]}

    return changing


def y_first(one):
    sides = ("x_min", "y_min", "x_max", "y_max")
    return {side: one[other] for side, other in zip(sides, (*sides[1::-1], *sides[:1:-1]))}  # noqa: B905


def shape_as_size(question, models):
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(question.image), np.uint8), 1)
    if question.model not in SIDES or picture is None:
        return answer(question, models)
    rows = models.load_model(question.model).rows(picture)
    found = OWN.parse_predictions(rows, picture.shape[:2], question.confidence)
    objects = [OWN.describe(*one) for one in zip(*found, strict=True)]
    return {"detections": objects, "time": 0.001, "model": question.model}


def accepts_empty(question, models):
    if not question.image:
        return {"detections": [], "time": 0.001, "model": question.model}
    return answer(question, models)


def server_error(question, models):
    try:
        return answer(question, models)
    except HTTPException as refusal:
        raise HTTPException(500, refusal.detail) from None


def catches_all(question, models):
    try:
        return answer(question, models)
    except Exception:
        raise HTTPException(400, f"There are {list(SIDES)}.") from None


def as_result(question, models):
    return Result(**answer(question, models))


class Quiet(Question):
    confidence: float = 0.1


@pytest.fixture
def picture(tmp_path):
    file = tmp_path / "grey.png"
    cv2.imwrite(str(file), PICTURE)
    return file


@pytest.mark.parametrize(
    ("app", "hint"),
    [
        pytest.param(make(no_lookup), "an unknown model is the client's mistake", id="unknown"),
        pytest.param(make(trusts_base64), "an image that is no base64 is the", id="base64"),
        pytest.param(make(trusts_pictures), "AttributeError: 'NoneType' object", id="no-picture"),
        pytest.param(make(uses_none), "`cv2.imdecode` gave None, and yours went on", id="none"),
        pytest.param(returns_its_refusal(), "raise `HTTPException(400, ...)`", id="returned"),
        pytest.param(make(unhelpful), "should name those that there are", id="no-names"),
        pytest.param(make(not_found), "should get status 400, not 404", id="404"),
        pytest.param(make(as_half), "Do you pass `question.confidence` on?", id="confidence"),
        pytest.param(make(question=Quiet), "no confidence should get 0.5", id="default"),
        pytest.param(make(always_large), "Do you load `question.model`?", id="one-model"),
        pytest.param(make(changed(detections=[])), "it finds nothing", id="nothing"),
        pytest.param(make(changed(detections={})), "should be a list", id="dictionary"),
        pytest.param(make(changed(detections=[{"box": 1}])), "four corners", id="other-objects"),
        pytest.param(make(changed(time=None)), "should be the seconds it took", id="time"),
        pytest.param(make(changed(model="large ")), "the answer says 'large '", id="other-model"),
        pytest.param(make(with_each(y_first)), "x goes with the width", id="y-first"),
        pytest.param(make(swaps_colours), "does it swap them itself?", id="red-first"),
        pytest.param(make(shape_as_size), "`picture.shape` begins with the height", id="shape"),
        pytest.param(make(changed(time=29.0)), "and the whole answer took", id="milliseconds"),
        pytest.param(make(changed(time=0.0)), "should be the seconds it took", id="no-time"),
        pytest.param(
            make(with_each(lambda one: {"confidence": 100 * one["confidence"]})),
            "`confidence` is a share from 0 to 1",
            id="percent",
        ),
        pytest.param(
            make(with_each(lambda one: {"x_min": str(one["x_min"])})),
            "corners are numbers, of pixels",
            id="text-corner",
        ),
        pytest.param(
            make(with_each(lambda one: {"class_name": 0})), "`class_name` is a name", id="number"
        ),
        pytest.param(make(accepts_empty), "an empty image should get status 400", id="no-image"),
        pytest.param(make(server_error), "should get status 400, not 500", id="500"),
        pytest.param(make(lambda q, m: None), "with detections, time and model", id="no-answer"),
        pytest.param(make(mirrored), "x_min lies left of x_max", id="mirrored"),
        pytest.param(make(lambda q, m: "done"), "answer with detections, time", id="text"),
        pytest.param(make(lambda q, m: q.picture), "AttributeError: 'Question'", id="raises"),
        pytest.param(make(models={}), "should give a list of names", id="models"),
        pytest.param(FastAPI(), "GET /models should give a list", id="empty"),
        pytest.param("app", "pass the app. Yours is 'app'", id="no-app"),
    ],
)
def test_service_with_a_mistake_names_it(not_yet, picture, app, hint):
    assert hint in not_yet(check_service, app, picture)


@pytest.mark.parametrize(
    "app",
    [
        pytest.param(make(), id="dictionary"),
        pytest.param(make(question=Strict), id="strict"),
        pytest.param(make(catches_all), id="catches-all"),
        pytest.param(make(as_result), id="result"),
    ],
)
def test_service_that_is_right_is_correct(verdict, picture, app):
    assert verdict(check_service, app, picture).startswith("Correct. ")
