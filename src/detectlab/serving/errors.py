"""Refusals: error answers with a sentence that says what to do."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from detectlab.vision.images import ImageError

_IMAGE_STATUS = {"not_an_image": 400, "unrecognised": 400, "unsupported": 415, "too_large": 413}


class Refusal(Exception):
    """A request is refused; the client receives the message.

    Args:
        status: HTTP status, 4xx or 5xx.
        detail: A sentence that says what to do.
        headers: Sent with the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def refused_picture(error: ImageError) -> Refusal:
    """The refusal of a picture that cannot be used."""
    return Refusal(_IMAGE_STATUS[error.reason], str(error))


def too_large(max_bytes: int, headers: Mapping[str, str] | None = None) -> Refusal:
    """The refusal of a body or picture that is too large.

    Args:
        max_bytes: Largest one that is taken.
        headers: Sent with the answer.
    """
    limit = f"{max_bytes >> 20} MB" if max_bytes >= 1 << 20 else f"{max_bytes:,} bytes"
    return Refusal(413, f"That is too large: at most {limit} are taken. Make it smaller.", headers)


def unknown_model(model: str, known: Iterable[str], status: int = 422) -> Refusal:
    """The refusal of a name that no detector has.

    Args:
        model: The name that the client sent.
        known: The names of the detectors.
        status: Its HTTP status.
    """
    return Refusal(status, f"`model` must be one of {', '.join(known)}. Received: {model[:40]!a}")


def validation_detail(errors: Sequence[Mapping[str, Any]]) -> str:
    """Pydantic's errors as one sentence: the parameter, what is allowed, what was received."""
    parts = []
    for error in errors[:3]:
        place = error["loc"]
        name = str(place[-1])[:40] if isinstance(place, tuple) and place else "body"
        given = repr(error.get("input"))
        given = given if len(given) <= 40 else given[:40] + "..."
        parts.append(f"`{name}`: {error['msg']}. Received: {ascii(given)[1:-1]}")
    return "; ".join(parts)
