"""The first chunk of a WebP (RFC 9649)."""

from detectlab.vision.headers.base import Header, damaged

_PLAIN_PIXELS = 16_000_000
_ANIMATION, _ALPHA = 0x02, 0x10


def read(data: bytes) -> Header:
    """The header of a WebP.

    Raises:
        ImageError: When it is damaged.
    """
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        raise damaged("WebP")
    is_plain, bytes_per_pixel = False, 11  # lossless, with alpha, as BGRA and then as BGR
    if kind == b"VP8X":
        width = 1 + int.from_bytes(body[4:7], "little")
        height = 1 + int.from_bytes(body[7:10], "little")
        if not body[0] & (_ANIMATION | _ALPHA):
            bytes_per_pixel = 7
    elif kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        if not bits >> 28 & 1:
            bytes_per_pixel = 7
    elif kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width = int.from_bytes(body[6:8], "little") & 0x3FFF
        height = int.from_bytes(body[8:10], "little") & 0x3FFF
        bytes_per_pixel = 6
        # Lossy ones are decoded block by block; tables of lossless ones may take a lot.
        is_plain = width * height <= _PLAIN_PIXELS
    else:
        raise damaged("WebP")
    if not width * height:
        raise damaged("WebP")
    is_complete = len(data) >= int.from_bytes(data[4:8], "little") + 8
    memory = bytes_per_pixel * width * height
    return Header("WEBP", width, height, memory, is_complete, is_plain)
