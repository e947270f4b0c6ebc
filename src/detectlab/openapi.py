"""What the documentation says beyond what the code shows."""

from typing import Any

from detectlab.schemas import Error, Question, Result

DESCRIPTION = """
Send a picture, get it back with a box around each object, or get the objects as numbers.

**Begin here:** open `POST /predict` below, choose a picture and press *Execute*.

- **Two ways to send** a picture: as the field `file` of a form (what `requests.post(url,
  files={"file": ...})` sends), or as base64 in JSON.
- **Two ways to be answered**: with a picture, or, when the request says
  `Accept: application/json` or is JSON itself, with numbers.
- **`confidence`** decides how sure the detector must be: lower it to see more objects, and more
  mistakes.
- **Errors** are `{"detail": "..."}` with a sentence that says what to do. 4xx: the request has to
  change. 503 and 504: the same request may succeed later, 503 says when in `Retry-After`.
"""

TAGS: list[dict[str, Any]] = [
    {"name": "detect", "description": "Ask about pictures."},
    {"name": "detectors", "description": "Which detectors there are."},
    {"name": "service", "description": "How the server is."},
]

_BINARY = {"type": "string", "format": "binary"}
_JSON_BODY = {
    "schema": Question.model_json_schema(),
    "example": Question.model_json_schema()["examples"][0],
}


def _form(field: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"schema": {"type": "object", "required": [field], "properties": {field: schema}}}


PICTURE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A picture: JPEG, PNG, WebP, BMP, TIFF or GIF (its first frame).",
        "content": {"multipart/form-data": _form("file", _BINARY), "application/json": _JSON_BODY},
    }
}
BATCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Several pictures, each as a field `files`.",
        "content": {
            "multipart/form-data": _form(
                "files", {"type": "array", "items": _BINARY, "minItems": 1}
            )
        },
    }
}

_ERRORS = {
    400: "Not a picture, or a damaged one; in the JSON form also an unknown model.",
    401: "The `X-API-Key` is missing or wrong.",
    404: "There is no such thing.",
    408: "The request was sent too slowly.",
    413: "Too many bytes, pixels or files.",
    415: "A kind of file or body that is not read.",
    422: "A parameter is wrong.",
    503: "Not now: queue full, detector not available, or not ready.",
    504: "There was no answer in time.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documented errors of a route."""
    answers: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        answers[status] = {"model": Error, "description": _ERRORS[status]}
        if status == 503:
            answers[status]["headers"] = {
                "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}
            }
    return answers


PICTURE_ERRORS = errors(400, 408, 413, 415, 422, 503, 504)

PREDICT_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture with boxes, in the format in which it came (PNG, else JPEG); "
        "or the objects as JSON.",
        "content": {
            "image/jpeg": {"schema": _BINARY},
            "image/png": {"schema": _BINARY},
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Result"},
                "example": Result.model_json_schema()["examples"][0],
            },
        },
        "headers": {
            "X-Detections": {
                "schema": {"type": "integer"}, "description": "How many objects were found."
            },
            "X-Model": {"schema": {"type": "string"}, "description": "Who answered."},
            "X-Inference-Ms": {
                "schema": {"type": "number"}, "description": "Milliseconds that the detector took."
            },
        },
    },
    **PICTURE_ERRORS,
}  # fmt: skip
