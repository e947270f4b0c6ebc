"""Reading the JSON form of a request about a picture."""

import asyncio
import binascii
import re

from pydantic import ValidationError
from starlette.requests import Request

from detectlab.serving.deadline import Deadline
from detectlab.serving.errors import Refusal, too_large, validation_detail
from detectlab.serving.schemas import Question
from detectlab.serving.uploads import Held, read_body
from detectlab.settings import Settings

# What JSON holds besides the picture.
_EXTRA_BYTES = 64 << 10
# So much base64 is decoded in less than a millisecond: that needs no thread.
_SHORT_TEXT = 1 << 20


async def read_question(
    request: Request, settings: Settings, deadline: Deadline, held: Held
) -> Question:
    """Read a picture in base64, and what is asked about it.

    Args:
        request: Its body must be untouched.
        settings: Limits.
        deadline: Until when the body must have arrived.
        held: Counts its bytes.

    Raises:
        Refusal: As `read_body` does; 422 when it is not such JSON.
        ClientDisconnect: When the client goes away.
    """
    body = bytearray()
    max_bytes = settings.max_bytes // 3 * 4 + _EXTRA_BYTES
    await read_body(request, max_bytes, deadline, held, body.extend)
    try:
        return Question.model_validate_json(bytes(body))
    except ValidationError as error:
        raise Refusal(422, validation_detail(error.errors(include_url=False))) from None


async def decode_picture(text: str, max_bytes: int) -> bytes:
    """As `decode_base64`, without blocking the event loop.

    Args:
        text: The base64.
        max_bytes: Largest picture that is taken.
    """
    if len(text) <= _SHORT_TEXT:
        return decode_base64(text, max_bytes)
    return await asyncio.to_thread(decode_base64, text, max_bytes)


def decode_base64(text: str, max_bytes: int) -> bytes:
    """The bytes of a picture that came as base64, with or without `data:image/...;base64,`.

    Args:
        text: The base64.
        max_bytes: Largest picture that is taken.

    Raises:
        Refusal: 413 when there are more than `max_bytes`; 400 when it is not base64.
    """
    text = re.sub(r"\Adata:[\w/+.;=-]{0,100},", "", text)
    if len(text) // 4 * 3 > max_bytes + 2 and len("".join(text.split())) // 4 * 3 > max_bytes + 2:
        raise too_large(max_bytes)
    try:
        return binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except (binascii.Error, ValueError):
        raise Refusal(
            400, "`image` is not base64. Send the bytes of a picture file, encoded with base64."
        ) from None
