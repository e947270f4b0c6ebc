"""Bytes to pixels and back.

Pixels are `(height, width, 3)` uint8 arrays in BGR order, as OpenCV and the course have them.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

Pixels = NDArray[np.uint8]
Reason = Literal["not_an_image", "unsupported", "too_large"]

# What Pillow may recognise: everything else it knows is more attack surface than use.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_NAMES = "JPEG, PNG, WebP, BMP, GIF or TIFF"

# Signatures of files that people send by mistake, to tell "another kind of file" from "broken".
_OTHER_KINDS = {
    b"%PDF": "a PDF document",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML or SVG file",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
    b"PK\x03\x04": "a ZIP archive",
    b"\x00\x00\x01\x00": "an icon",
}


class ImageError(ValueError):
    """Bytes or an array that cannot be used as a picture.

    Attributes:
        reason: `not_an_image` (broken, or no picture at all), `unsupported` (a kind of file that
            is not read), or `too_large` (more pixels than allowed).
    """

    def __init__(self, message: str, reason: Reason) -> None:
        super().__init__(message)
        self.reason: Reason = reason


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: `(height, width, 3)` uint8, BGR, turned upright as its EXIF data says.
        format: What it came as, one of `FORMATS`.
    """

    pixels: Pixels
    format: str


def decode_image(data: bytes, max_pixels: int = 40_000_000) -> Picture:
    """Turn the bytes of a picture file into pixels.

    The kind is taken from the content, never from a name. Size is checked before anything is
    unpacked. Of an animation, the first frame is taken; grey, 16 bit, CMYK and transparent
    pictures become 8 bit BGR; a transparent background is dropped.

    Args:
        data: The whole file.
        max_pixels: Largest width x height to unpack.

    Returns:
        The picture.

    Raises:
        ImageError: With `reason` as described there.
    """
    kind, (width, height) = _read_header(data)
    if width * height > max_pixels:
        raise ImageError(
            f"The picture is {width} x {height} pixels; at most {max_pixels:,} pixels are taken. "
            "Make it smaller and send it again.",
            "too_large",
        )
    if not _is_complete(kind, data):
        raise ImageError(
            f"The {kind} file ends too early: part of the picture is missing. Send it again.",
            "not_an_image",
        )
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise ImageError(f"The {kind} file is damaged and cannot be decoded.", "not_an_image")
    return Picture(pixels.astype(np.uint8, copy=False), kind)


def _read_header(data: bytes) -> tuple[str, tuple[int, int]]:
    """Kind and size (width, height), from the header alone."""
    if not data:
        raise ImageError("The file is empty: send a picture.", "not_an_image")
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    for signature, kind in _OTHER_KINDS.items():
        if start[: len(signature)].lower() == signature.lower():
            raise ImageError(f"This is {kind}, not a picture in {_NAMES}.", "unsupported")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as header:
            return str(header.format), header.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(
            "The picture has far too many pixels. Make it smaller and send it again.", "too_large"
        ) from None
    except UnidentifiedImageError:
        raise ImageError(f"This is not a picture in {_NAMES}.", "not_an_image") from None
    except Exception:  # Pillow's plugins raise nearly anything on damaged headers
        raise ImageError("The picture's header is damaged.", "not_an_image") from None


def _is_complete(kind: str, data: bytes) -> bool:
    """Whether the end of the file is there: decoders fill what is missing with grey."""
    if kind == "JPEG":
        # Thumbnails in the header have end marks of their own, so look only behind the last
        # start of scan; within a scan, FF D9 can be nothing but the end.
        return data.find(b"\xff\xd9", data.rfind(b"\xff\xda")) >= 0
    if kind == "PNG":
        return b"IEND\xaeB`\x82" in data[-64:] or b"IEND\xaeB`\x82" in data
    if kind == "WEBP":
        return len(data) >= int.from_bytes(data[4:8], "little") + 8
    return True


def read_image(path: str | Path, max_pixels: int = 40_000_000) -> Pixels:
    """Read a picture file as `(height, width, 3)` uint8 BGR pixels.

    Args:
        path: The file.
        max_pixels: Maximum of width x height, checked before the pixels are decoded.

    Raises:
        FileNotFoundError: The file does not exist.
        ImageError: The file is not a valid picture of a supported format and size.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"There is no picture at {file}.")
    try:
        return decode_image(file.read_bytes(), max_pixels).pixels
    except ImageError as error:
        raise ImageError(f"{file}: {error}", error.reason) from None


def encode_image(pixels: Pixels, format: str = "JPEG", quality: int = 90) -> bytes:
    """Turn pixels into the bytes of a picture file.

    Args:
        pixels: `(height, width, 3)` uint8, BGR.
        format: `"JPEG"` or `"PNG"`.
        quality: Of a JPEG, 1 to 100.

    Raises:
        ValueError: When `format` is another one, or OpenCV cannot write the picture.
    """
    if format not in ("JPEG", "PNG"):
        raise ValueError(f'`format` must be "JPEG" or "PNG". Received: {format!r}')
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if format == "JPEG" else []
    done, data = cv2.imencode(".jpg" if format == "JPEG" else ".png", pixels, options)
    if not done:
        raise ValueError(f"The picture of shape {pixels.shape} cannot be written as {format}.")
    return data.tobytes()
