"""Reading the bodies of requests, within limits that hold while they are read."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from detectlab.serving.deadline import Deadline
from detectlab.serving.errors import Refusal, too_large
from detectlab.serving.sent_file import SentFile
from detectlab.settings import Settings

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
        self.max_held_bytes = max_held_bytes
        self.held_bytes = 0  # touched on the event loop only

    @contextmanager
    def hold(self) -> Iterator["Held"]:
        """The bytes that one request holds; released at the end of the block."""
        held = Held(self)
        try:
            yield held
        finally:
            self.held_bytes -= held.count


@dataclass
class Held:
    """The bytes that one request holds of an `Intake`."""

    intake: Intake
    count: int = 0

    def take(self, count: int) -> None:
        """Count `count` more bytes, or refuse them with 503."""
        if self.intake.held_bytes + count > self.intake.max_held_bytes:
            raise Refusal(
                503,
                "The server holds as many pictures as it can. Ask again in a moment.",
                {"Retry-After": "1", "Connection": "close"},
            )
        self.intake.held_bytes += count
        self.count += count


def media_type(request: Request) -> str:
    """The media type of the body, without parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_picture(
    request: Request, settings: Settings, deadline: Deadline, held: Held
) -> SentFile:
    """Read the picture of a form: its one file, called `file`.

    Args:
        request: Its body must be untouched.
        settings: Limits.
        deadline: Until when the form must have arrived.
        held: Counts its bytes.

    Raises:
        Refusal: As `read_body` does; 400 when the form is damaged, 413 when its file is too large,
            415 when there is no form, 422 when it has not one file of that name.
        ClientDisconnect: When the client goes away.
    """
    if (kind := media_type(request)) != "multipart/form-data":
        raise Refusal(
            415,
            "Send the picture as the field `file` of a multipart form, or as base64 in JSON: "
            f'{{"image": "..."}}. Received: {kind[:60]!a}',
        )
    form = _Form(1, settings.max_bytes)
    await _read_form(request, form, settings.max_bytes, deadline, held)
    (part,) = form.files
    if part.field_name != "file":
        raise Refusal(422, "The form's field with the picture must be called `file`.")
    if part.is_too_large:
        raise too_large(settings.max_bytes)
    return part.file


async def read_pictures(
    request: Request, settings: Settings, deadline: Deadline, held: Held
) -> list[SentFile | Refusal]:
    """Read all pictures of a form; see `read_picture` for the arguments and errors.

    Returns:
        Each file, or why it is not taken.
    """
    if media_type(request) != "multipart/form-data":
        raise Refusal(415, "Send the pictures as fields `files` of a multipart form.")
    form = _Form(settings.max_batch_files, settings.max_bytes)
    await _read_form(request, form, settings.max_batch_bytes, deadline, held)
    return [too_large(settings.max_bytes) if x.is_too_large else x.file for x in form.files]


async def read_body(
    request: Request,
    max_bytes: int,
    deadline: Deadline,
    held: Held,
    sink: Callable[[bytes], object],
) -> None:
    """Read a whole body.

    Args:
        request: Its body must be untouched.
        max_bytes: Largest body that is taken.
        deadline: Until when it must have arrived.
        held: Counts its bytes.
        sink: Called with each part of it.

    Raises:
        Refusal: 413 when it is larger, 408 when it is too slow, 503 when too much is held.
        ClientDisconnect: When the client goes away.
    """
    announced = request.headers.get("content-length", "0")
    length = int(announced[:20]) if announced.isdecimal() else 0  # Python converts no long ones
    if length > max_bytes:
        tolerated = length <= _TOLERATED_EXCESS * max_bytes
        raise too_large(max_bytes, {} if tolerated else {"Connection": "close"})
    count = 0
    try:
        async with asyncio.timeout(deadline.remaining_s):
            async for chunk in request.stream():
                count += len(chunk)
                request.state.bytes_in = count
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


@dataclass
class _FilePart:
    """A file of a form while it arrives; its content is dropped when it is too large."""

    field_name: str
    file_name: str
    media_type: str
    data: bytearray = field(default_factory=bytearray)
    is_too_large: bool = False

    @property
    def file(self) -> SentFile:
        return SentFile(bytes(self.data), self.file_name, self.media_type)


async def _read_form(
    request: Request, form: "_Form", max_bytes: int, deadline: Deadline, held: Held
) -> None:
    _, parameters = parse_options_header(request.headers["content-type"])
    boundary = parameters.get(b"boundary", b"")
    if not 0 < len(boundary) <= 200:
        raise Refusal(
            400, "The form has no usable boundary. Let your HTTP library write the Content-Type."
        )
    try:
        parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
        await read_body(request, max_bytes + _FORM_EXTRA_BYTES, deadline, held, parser.write)
        parser.finalize()
    except FormParserError:
        raise Refusal(400, "The multipart form is damaged. Send it again.") from None
    if form.is_open:
        raise Refusal(400, "The multipart form ends too early. Send it again.")
    if not form.files:
        raise Refusal(422, "The form has no file. Send the picture as the field `file`.")


class _Form:
    """Collects the files of a multipart form while it is parsed; ignores its other fields."""

    def __init__(self, max_files: int, max_file_bytes: int) -> None:
        self.files: list[_FilePart] = []
        self.is_open = True
        self._max_files = max_files
        self._max_file_bytes = max_file_bytes
        self._fields = 0
        self._header_name, self._header_value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}  # of the current part
        self._current: _FilePart | None = None

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": lambda data, start, end: self._header_name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header_value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._add_data,
            "on_end": self._end,
        }

    def _end_header(self) -> None:
        self._headers[bytes(self._header_name).lower()] = bytes(self._header_value)
        self._header_name, self._header_value = bytearray(), bytearray()

    def _end_headers(self) -> None:
        self._current = None
        kind, _ = parse_options_header(self._headers.get(b"content-type", b""))
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"filename" not in options:
            self._fields += 1
            if self._fields > _MAX_FIELDS:
                raise Refusal(422, f"The form has more than {_MAX_FIELDS} fields.")
            return
        if len(self.files) == self._max_files:
            raise Refusal(422, f"At most {self._max_files} file(s) are taken in one request.")
        values = options.get(b"name", b""), options[b"filename"], kind.lower()
        name, file_name, media_type = (value.decode("utf-8", "replace") for value in values)
        self._current = _FilePart(name, file_name, media_type)
        self.files.append(self._current)

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        part = self._current
        if part is None or part.is_too_large:
            return
        part.data += data[start:end]
        if len(part.data) > self._max_file_bytes:
            part.is_too_large = True
            part.data.clear()

    def _end(self) -> None:
        self.is_open = False
