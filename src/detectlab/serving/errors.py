"""Answers that say no, with the reason."""

from collections.abc import Mapping

from detectlab.vision.images import ImageError

_IMAGE_STATUS = {"not_an_image": 400, "unrecognised": 400, "unsupported": 415, "too_large": 413}


class Refusal(Exception):
    """A request is refused; the message goes to whoever asked.

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
    """The refusal of a body or picture of more than `max_bytes` bytes."""
    limit = f"{max_bytes >> 20} MB" if max_bytes >= 1 << 20 else f"{max_bytes:,} bytes"
    return Refusal(413, f"That is too large: at most {limit} are taken. Make it smaller.", headers)
