"""Headers of picture files: kind, size and the cost of decoding, one module per format."""

from collections.abc import Callable

from detectlab.vision.headers import bmp, gif, jpeg, png, tiff, webp
from detectlab.vision.headers.base import Header, ImageError
from detectlab.vision.headers.other_kinds import name_other_kind

NAMES = "JPEG, PNG, WebP, BMP, GIF or TIFF"

# How a file begins -> what reads its header.
_READERS: dict[bytes, Callable[[bytes], Header]] = {
    b"\xff\xd8\xff": jpeg.read,
    b"\x89PNG\r\n\x1a\n": png.read,
    b"BM": bmp.read,
    b"GIF87a": gif.read,
    b"GIF89a": gif.read,
    b"II*\0": tiff.read,
    b"MM\0*": tiff.read,
    b"II+\0": tiff.read,
    b"MM\0+": tiff.read,
}


def is_recognised(data: bytes | bytearray) -> bool:
    """Whether the first bytes of a file say what it is: a picture, or another known kind."""
    return _reader(bytes(data[:64])) is not None or bool(name_other_kind(bytes(data[:64])))


def read_header(data: bytes) -> Header:
    """The header of a picture file, recognised by its content.

    It takes a few milliseconds at most, whatever the file holds.

    Raises:
        ImageError: When it is no picture of a known format, damaged, or would take more than a
            picture of its format may.
    """
    if not data:
        raise ImageError("The file is empty: send a picture.", "not_an_image")
    if read := _reader(data):
        return read(data)
    if other := name_other_kind(data):
        advice = " Convert it to JPEG or PNG and send it again." if "picture" in other else ""
        raise ImageError(f"This is {other}, not a picture in {NAMES}.{advice}", "unsupported")
    raise ImageError(f"This is not a picture in {NAMES}.", "unrecognised")


def _reader(data: bytes) -> Callable[[bytes], Header] | None:
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return webp.read
    return next((read for start, read in _READERS.items() if data.startswith(start)), None)
