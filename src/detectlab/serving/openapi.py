"""The parts of the OpenAPI document that the code of the routes does not show."""

from collections.abc import Sequence
from typing import Any

from detectlab.serving.schemas import EXAMPLE_IMAGE, Error, Question, Result

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
    {"name": "rollout", "description": "Roll out a new detector: shadow, canary, blue/green."},
    {"name": "monitoring", "description": "Have the pictures or the answers changed?"},
    {"name": "service", "description": "Health, version and metrics of the server."},
]

_BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
_MEDIA_TYPES = "image/jpeg, image/png, image/webp, image/bmp, image/gif, image/tiff"


def _form(field: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": {"type": "object", "required": [field], "properties": {field: schema}},
        "encoding": {field: {"contentType": _MEDIA_TYPES}},
    }


def picture_body(default: str) -> dict[str, Any]:
    """The body of a request about one picture, in both forms.

    Args:
        default: The detector that answers when none is named; it stands in the example.
    """
    schema = Question.model_json_schema()
    example = {"model": default, "image": EXAMPLE_IMAGE, "confidence": 0.5}
    return {
        "requestBody": {
            "required": True,
            "description": "A picture: JPEG, PNG, WebP, BMP, TIFF or GIF (its first frame).",
            "content": {
                "multipart/form-data": _form("file", _BINARY),
                "application/json": {"schema": schema, "example": example},
            },
        }
    }


def name_detectors(document: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Make every `model` of a document an enumeration, as the detectors are now.

    Args:
        document: The OpenAPI document; changed in place.
        names: The detectors.
    """
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "model":
                    parameter["schema"]["enum"] = list(names)
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            if "model" in schema.get("properties", {}):
                schema["properties"]["model"]["enum"] = [*names, None]
    return document


def batch_body(max_files: int) -> dict[str, Any]:
    """The body of a request about at most `max_files` pictures."""
    files = {"type": "array", "items": _BINARY, "minItems": 1, "maxItems": max_files}
    return {
        "requestBody": {
            "required": True,
            "description": f"Up to {max_files} pictures, each as a field `files`.",
            "content": {"multipart/form-data": _form("files", files)},
        }
    }


# What each status means, and the sentence of one such answer.
_ERRORS = {
    400: (
        "Not a picture, or a damaged one; in the JSON form also an unknown model.",
        "The PNG file ends too early: part of the picture is missing. Get a complete copy of it.",
    ),
    401: (
        "The API key is missing or wrong.",
        "Send the server's API key in the header `X-API-Key`.",
    ),
    403: (
        "The request is not from an operator, or came from a foreign web page or by a name that "
        "this server does not have.",
        "Pages of 'https://elsewhere.example' may not ask. Start the server with that origin in "
        "DETECTLAB_CORS_ORIGINS.",
    ),
    404: (
        "There is no such thing.",
        "This detector does not know 'aples'. Did you mean /count-apples/?",
    ),
    408: (
        "The request was sent too slowly.",
        "The request was not here within 30 s. Send it faster, or less.",
    ),
    409: (
        "The plan has nowhere to go in that direction.",
        "Green is live already. `release` ends the rollout and lets blue go.",
    ),
    412: (
        "The plan was changed in the meantime.",
        "The plan was changed meanwhile: it is at revision 4 now. Read it again, and decide anew.",
    ),
    413: (
        "Too many bytes or pixels.",
        "That is too large: at most 10 MB are taken. Make it smaller.",
    ),
    415: (
        "A kind of file or body that is not read.",
        "This is a PDF document, not a picture in JPEG, PNG, WebP, BMP, GIF or TIFF.",
    ),
    422: (
        "A parameter is wrong, or there are too many files.",
        "`confidence`: Input should be less than or equal to 1. Received: '2'",
    ),
    428: (
        "It is not said which plan is to be replaced.",
        "Say which plan you replace: GET /rollout, and send its `ETag` as `If-Match`.",
    ),
    429: (
        "Too many wrong keys came from this address.",
        "Too many wrong keys came from this address.",
    ),
    503: (
        "Not now: the queue is full, the detector's files are not here, or it is not ready.",
        "The server is busy and its queue is full. Ask again in 2 s.",
    ),
    504: (
        "There was no answer in time.",
        "There was no answer within 30 s. Try a smaller picture, a faster detector, or later.",
    ),
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documented errors of a route."""
    answers: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        answers |= described(status, *_ERRORS[status])
        if status == 503:
            answers[status]["headers"] = {
                "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}
            }
    return answers


def described(status: int, meaning: str, example: str) -> dict[int | str, dict[str, Any]]:
    """An error of one route.

    Args:
        status: Its HTTP status.
        meaning: What it means.
        example: Its `detail`.
    """
    content = {"application/json": {"example": {"detail": example}}}
    return {status: {"model": Error, "description": meaning, "content": content}}


UNREADABLE = described(400, "The body is no JSON.", "There was an error parsing the body")
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
                "schema": {"type": "integer"},
                "description": "How many objects were found.",
            },
            "X-Model": {"schema": {"type": "string"}, "description": "The detector that answered."},
            "X-Inference-Ms": {
                "schema": {"type": "number"},
                "description": "Milliseconds that the detector took.",
            },
            "X-Precision": {
                "schema": {"type": "string"},
                "description": "What the network was computed in, such as float32 or int8.",
            },
        },
    },
    **PICTURE_ERRORS,
}
