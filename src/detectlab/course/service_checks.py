"""Check of the service that a learner builds in the notebook about packaging."""

import base64
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectlab.course.asgi_client import Answer, request
from detectlab.course.verdicts import NotYet, describe, exercise_check, shown
from detectlab.vision.images import encode_image, read_image

_CORNERS = ("x_min", "y_min", "x_max", "y_max")


@exercise_check
def check_service(app: Any, picture: str | Path) -> str:
    """Check an app that answers JSON with a base64 picture in it, and refuses what is wrong.

    Args:
        app: The learner's ASGI app.
        picture: A picture with objects of high and of low confidence.
    """
    if not callable(app):
        raise NotYet(f"pass the app. Yours is {shown(app)}")
    data = Path(picture).read_bytes()
    names = _names(app)
    whole, half, low = (
        _found(app, {"model": names[-1], "image": _text(data)} | extra)
        for extra in ({}, {"confidence": 0.5}, {"confidence": 0.1})
    )
    if not half:
        raise NotYet(f"it finds nothing in {Path(picture).name}. Do you decode picture and rows?")
    if len(low) <= len(half):
        raise NotYet("0.1 finds no more than 0.5. Do you pass `question.confidence` on?")
    if whole != half:
        raise NotYet("a client that sends no confidence should get 0.5")
    _check_models_differ(app, names, data)
    _check_geometry(app, names[-1], read_image(picture))
    _check_colours(app, names[-1], read_image(picture))
    _refuses(app, {"model": "huge", "image": _text(data)}, "an unknown model")
    said = _ask(app, {"model": "huge", "image": _text(data)}).body.decode("utf-8", "replace")
    if not all(name in said for name in names):
        raise NotYet(f"the answer to an unknown model should name those that there are: {names}")
    _refuses(app, {"model": names[0], "image": "no base64!"}, "an image that is no base64")
    _refuses(app, {"model": names[0], "image": _text(b"Buy apples.")}, "a text as the picture")
    _refuses(app, {"model": names[0], "image": ""}, "an empty image")
    return f"Three models, {len(half)} objects, and a 400 with a sentence for each wrong question"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _ask(app: Any, question: dict[str, Any]) -> Answer:
    return request(app, "POST /predict", json=question)


def _names(app: Any) -> list[str]:
    """The names that `GET /models` gives."""
    answer = request(app, "GET /models")
    names = answer.json()
    if answer.error is not None:
        raise NotYet(f"GET /models raised {describe(answer.error)}")
    if answer.status != 200 or not isinstance(names, list) or not names:
        raise NotYet(f"GET /models should give a list of names. Yours gives {shown(names)}")
    return [str(name) for name in names]


def _found(app: Any, question: dict[str, Any]) -> Sequence[Any]:
    """The detections of an answer, when it has the form of a result."""
    started = time.perf_counter()
    answer = _ask(app, question)
    took = time.perf_counter() - started
    if answer.error is not None:
        raise NotYet(f"your endpoint raised {describe(answer.error)}")
    result = answer.json()
    if answer.status in (404, 405):
        raise NotYet("nothing answers at POST /predict")
    if answer.status != 200:
        raise NotYet(f"a right question got status {answer.status}: {shown(result)}")
    if not isinstance(result, dict) or not {"detections", "time", "model"} <= result.keys():
        raise NotYet(f"answer with detections, time and model. Yours is {shown(result)}")
    if result["model"] != question["model"]:
        raise NotYet(f"asked for {question['model']}, the answer says {shown(result['model'])}")
    seconds = result["time"]
    if not isinstance(seconds, float) or not 0 < seconds < 60:
        raise NotYet(f"`time` should be the seconds it took. Yours is {shown(seconds)}")
    if seconds > took + 0.1:
        raise NotYet(f"`time` is {seconds:.3g}, and the whole answer took {took:.3g} s: seconds?")
    found = result["detections"]
    if not isinstance(found, list):
        raise NotYet(f"`detections` should be a list. Yours is {shown(found)}")
    for one in found:
        _check_object(one)
    return found


def _check_object(one: Any) -> None:
    """An object of an answer has corners, a class and a confidence."""
    if not isinstance(one, dict) or not {*_CORNERS, "class_name", "confidence"} <= one.keys():
        raise NotYet(f"an object has four corners, class_name and confidence: {shown(one)}")
    if not all(isinstance(one[side], int | float) for side in _CORNERS):
        raise NotYet(f"corners are numbers, of pixels. Yours: {shown(one)}")
    if not isinstance(one["confidence"], int | float) or not 0 <= one["confidence"] <= 1:
        raise NotYet(f"`confidence` is a share from 0 to 1. Yours: {shown(one)}")
    if not isinstance(one["class_name"], str):
        raise NotYet(f"`class_name` is a name, such as 'apple'. Yours: {shown(one)}")
    if not (one["x_min"] < one["x_max"] and one["y_min"] < one["y_max"]):
        raise NotYet(f"x_min lies left of x_max, y_min above y_max. Yours: {shown(one)}")


def _check_models_differ(app: Any, names: Sequence[str], data: bytes) -> None:
    """Each model answers for itself."""
    answers = [_found(app, {"model": name, "image": _text(data)}) for name in names]
    if len(names) > 1 and all(answer == answers[0] for answer in answers):
        raise NotYet(f"{', '.join(names)} find exactly the same. Do you load `question.model`?")


def _check_geometry(app: Any, name: str, pixels: NDArray[np.uint8]) -> None:
    """In a picture of two halves that are equal, x reaches into the second one, and y does not."""
    height, width = pixels.shape[:2]
    data = encode_image(np.hstack([pixels, pixels]), "PNG")
    found = _found(app, {"model": name, "image": _text(data), "confidence": 0.1})
    right, lowest = (max((one[side] for one in found), default=0) for side in ("x_max", "y_max"))
    if right <= width or lowest > 1.2 * height:
        raise NotYet(
            f"in a picture of {2 * width} x {height} pixels your boxes reach to x = {right} and y "
            f"= {lowest}. x goes with the width; `picture.shape` begins with the height"
        )


def _check_colours(app: Any, name: str, pixels: NDArray[np.uint8]) -> None:
    """With red for blue, fruit is found less well."""
    usual, swapped = (
        _found(app, {"model": name, "image": _text(encode_image(one, "PNG")), "confidence": 0.1})
        for one in (pixels, pixels[..., ::-1])
    )
    if sum(one["confidence"] for one in usual) < sum(one["confidence"] for one in swapped):
        raise NotYet(
            "with red and blue swapped, your service finds more: does it swap them itself? "
            "`cv2.imdecode` gives blue first, and the network wants it so"
        )


def _refuses(app: Any, question: dict[str, Any], what: str) -> None:
    answer = _ask(app, question)
    if answer.error is not None:
        raise NotYet(f"{what} is the client's mistake, so answer 400. {_what_came(answer.error)}")
    if answer.status != 400:
        raise NotYet(f"{what} should get status 400, not {answer.status}")


def _what_came(error: Exception) -> str:
    """What a service did instead of refusing, with the way out for the usual ones."""
    if type(error).__name__ == "ResponseValidationError":
        return "Yours returns something else than a `Result`: raise `HTTPException(400, ...)`"
    if type(error).__module__.startswith("cv2"):
        return f"`cv2.imdecode` gave None, and yours went on to {describe(error)}"
    return f"Yours raised {describe(error)}"
