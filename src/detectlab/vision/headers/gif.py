"""The screen and the first frame of a GIF (GIF89a)."""

import struct

from detectlab.vision.headers.base import Header, damaged, too_costly

_MAX_BLOCKS = 10_000  # in front of the first frame
_EXTENSION, _FRAME = 0x21, 0x2C


def read(data: bytes) -> Header:
    """The header of a GIF.

    Raises:
        ImageError: When it is damaged, or its first frame does not come.
    """
    if len(data) < 13:
        raise damaged("GIF")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _palette_bytes(flags)
    blocks = 0
    while data[position : position + 1] == bytes((_EXTENSION,)):
        position += 2
        while length := data[position] if position < len(data) else 0:
            position += 1 + length
            blocks += 1
            if blocks > _MAX_BLOCKS:
                raise too_costly("GIF", f"too many blocks (at most {_MAX_BLOCKS:,} are taken)")
        position += 1
        blocks += 1
    frame = data[position : position + 10]
    if len(frame) < 10 or frame[0] != _FRAME:
        raise damaged("GIF")
    left, top, frame_width, frame_height = struct.unpack_from("<HHHH", frame, 1)
    if not (width and height) or left + frame_width > width or top + frame_height > height:
        raise damaged("GIF")
    return Header("GIF", width, height, 8 * width * height)


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
