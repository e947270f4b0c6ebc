"""Reading the bodies of requests, within limits that hold while they are read."""

import asyncio
import binascii
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from detectlab.serving.deadline import Deadline
from detectlab.serving.errors import Refusal, too_large

# What a form may hold besides its files: headers of the parts, boundaries, small fields.
_FORM_EXTRA_BYTES = 64 << 10
_MAX_FIELDS = 16
# A body announced with up to so many times the limit is let through unread, so that a well-meaning
# client, which sends all before it reads, gets to see why it was refused.
_TOLERATED_EXCESS = 8


class Intake:
    """Bounds what all requests together hold of their bodies.

    Args:
        max_held_bytes: The bound.
    """

    def __init__(self, max_held_bytes: int) -> None:
        self._max_held_bytes = max_held_bytes
        self.held_bytes = 0  # touched on the event loop only

    @contextmanager
    def hold(self) -> Iterator["Held"]:
        """What one request holds; let go at the end of the block."""
        held = Held(self)
        try:
            yield held
        finally:
            self.held_bytes -= held.count

    def take(self, count: int) -> None:
        """Count `count` more bytes, or refuse them with 503."""
        if self.held_bytes + count > self._max_held_bytes:
            raise Refusal(
                503,
                "The server holds as many pictures as it can. Ask again in a moment.",
                {"Retry-After": "1", "Connection": "close"},
            )
        self.held_bytes += count


@dataclass
class Held:
    """The bytes that one request holds of an `Intake`."""

    intake: Intake
    count: int = 0

    def take(self, count: int) -> None:
        """Count `count` more bytes, or refuse them with 503."""
        self.intake.take(count)
        self.count += count


@dataclass
class FilePart:
    """A file of a form. The sender's name for it is not kept, only that it is a file.

    Attributes:
        name: Name of the form field.
        data: Its content; empty when it is too large.
        is_too_large: Whether it has more bytes than allowed.
    """

    name: str
    data: bytearray = field(default_factory=bytearray)
    is_too_large: bool = False


def media_type(request: Request) -> str:
    """The media type of the body, without parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, max_bytes: int, deadline: Deadline, held: Held) -> bytes:
    """Read a whole body.

    Args:
        request: Its body must be untouched.
        max_bytes: Largest body that is taken.
        deadline: Until when it must be here.
        held: Counts its bytes.

    Raises:
        Refusal: 413 when it is larger, 408 when it is too slow, 503 when too much is held.
        ClientDisconnect: When the sender goes away.
    """
    body = bytearray()
    await _pour(request, max_bytes, deadline, held, body.extend)
    return bytes(body)


async def read_files(
    request: Request, max_bytes: int, max_files: int, max_file_bytes: int, deadline: Deadline,
    held: Held,
) -> list[FilePart]:  # fmt: skip
    """Read the files of a multipart form; other fields are passed over.

    Args:
        request: Its body must be untouched.
        max_bytes: Largest sum of the files.
        max_files: Largest number of files.
        max_file_bytes: Files with more bytes are marked, and their content is dropped.
        deadline: Until when the form must be here.
        held: Counts its bytes.

    Raises:
        Refusal: As `read_body` does; 400 when the form is damaged, 422 when it has too many
            files or fields.
        ClientDisconnect: When the sender goes away.
    """
    _, parameters = parse_options_header(request.headers["content-type"])
    boundary = parameters.get(b"boundary", b"")
    if not 0 < len(boundary) <= 200:
        raise Refusal(
            400, "The form has no usable boundary. Let your HTTP library write the Content-Type."
        )
    form = _Form(max_files, max_file_bytes)
    try:
        parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]

        def feed(chunk: bytes) -> None:
            parser.write(chunk)

        await _pour(request, max_bytes + _FORM_EXTRA_BYTES, deadline, held, feed)
        parser.finalize()
    except FormParserError:
        raise Refusal(400, "The multipart form is damaged. Send it again.") from None
    if form.is_open:
        raise Refusal(400, "The multipart form ends too early. Send it again.")
    return form.files


def decode_base64(text: str, max_bytes: int) -> bytes:
    """The bytes of a picture that came as base64, with or without `data:image/...;base64,`.

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


async def _pour(
    request: Request, max_bytes: int, deadline: Deadline, held: Held,
    sink: Callable[[bytes], None],
) -> None:  # fmt: skip
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        tolerated = int(announced) <= _TOLERATED_EXCESS * max_bytes
        raise too_large(max_bytes, {} if tolerated else {"Connection": "close"})
    count = 0
    try:
        async with asyncio.timeout(deadline.remaining_s):
            async for chunk in request.stream():
                count += len(chunk)
                if count > max_bytes:
                    raise too_large(max_bytes, {"Connection": "close"})
                held.take(len(chunk))
                sink(chunk)
    except TimeoutError:
        raise Refusal(
            408,
            f"The request was not here within {deadline.seconds:g} s. Send it faster, or less.",
            {"Connection": "close"},
        ) from None


class _Form:
    """Collects the files of a multipart form while it is parsed."""

    def __init__(self, max_files: int, max_file_bytes: int) -> None:
        self.files: list[FilePart] = []
        self.is_open = True
        self._max_files = max_files
        self._max_file_bytes = max_file_bytes
        self._fields = 0
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""
        self._current: FilePart | None = None

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_header_name,
            "on_header_value": self._add_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._add_data,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        self._disposition = b""
        self._current = None

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"filename" not in options:
            self._fields += 1
            if self._fields > _MAX_FIELDS:
                raise Refusal(422, f"The form has more than {_MAX_FIELDS} fields.")
            return
        if len(self.files) == self._max_files:
            raise Refusal(422, f"At most {self._max_files} file(s) are taken in one request.")
        self._current = FilePart(options.get(b"name", b"").decode("utf-8", "replace"))
        self.files.append(self._current)

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        part = self._current
        if part is None or part.is_too_large:
            return
        if len(part.data) + end - start > self._max_file_bytes:
            part.is_too_large = True
            part.data.clear()
            return
        part.data += data[start:end]

    def _end(self) -> None:
        self.is_open = False
