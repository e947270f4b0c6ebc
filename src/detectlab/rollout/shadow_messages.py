"""Messages between the server and the process of a shadow."""

import json
import struct
from typing import IO, Any

_LENGTHS = struct.Struct(">II")

Header = dict[str, Any]


def write_message(pipe: IO[bytes], header: Header, data: bytes = b"") -> None:
    """Send a message.

    Args:
        pipe: To the other process.
        header: Sent as JSON.
        data: Sent as it is.
    """
    head = json.dumps(header).encode()
    pipe.write(_LENGTHS.pack(len(head), len(data)) + head + data)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> tuple[Header, bytes] | None:
    """The next message of `write_message`: header and data, or `None` at the end of the pipe."""
    lengths = pipe.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_length, data_length = _LENGTHS.unpack(lengths)
    head, data = pipe.read(head_length), pipe.read(data_length)
    if len(head) < head_length or len(data) < data_length:
        return None
    return json.loads(head), data
