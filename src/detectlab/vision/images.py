"""Bytes to pixels and back.

Pixels are `(height, width, 3)` uint8 arrays in BGR order, as OpenCV and the course have them.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.vision.headers import bmp, gif, jpeg, png, tiff, webp
from detectlab.vision.headers.base import MAX_MEMORY_BYTES, Header
from detectlab.vision.headers.base import ImageError as ImageError
from detectlab.vision.headers.other_kinds import name_other_kind

Pixels = NDArray[np.uint8]
_FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}

# Longest side of the copies that statistics are computed on, in pixels.
THUMBNAIL_SIDE = 160

KINDS = "JPEG, PNG, WebP, BMP, GIF or TIFF"
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


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: `(height, width, 3)` uint8, BGR, turned upright as its EXIF data says.
        format: What it came as, such as `"JPEG"`.
        size_wh: Width and height of the whole picture, upright; `pixels` may be a fraction of it.
    """

    pixels: Pixels
    format: str
    size_wh: tuple[int, int]


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
    return decode_checked(data, check_header(data, max_pixels))


def check_header(data: bytes, max_pixels: int = 40_000_000) -> Header:
    """Read a picture's header, and refuse what may not be decoded; a few milliseconds at most.

    Args:
        data: The whole file.
        max_pixels: Maximum of width x height.

    Raises:
        ImageError: As `decode_image` does.
    """
    read = _reader(data)
    if read is None:
        raise _unknown_kind(data)
    header = read(data)
    if header.width * header.height > max_pixels:
        raise ImageError(
            f"The picture is {header.width} x {header.height} pixels; at most {max_pixels:,} "
            "pixels are taken. Make it smaller.",
            "too_large",
        )
    if header.memory_bytes > MAX_MEMORY_BYTES:
        raise _out_of_memory(header)
    if not header.is_complete:
        raise ImageError(
            f"The {header.kind} file ends too early: part of the picture is missing. Get a "
            "complete copy of it.",
            "not_an_image",
        )
    return header


def decode_checked(data: bytes, header: Header, shrink: int = 1) -> Picture:
    """Decode a picture whose header was checked.

    Args:
        data: The whole file.
        header: Of this file, from `check_header`.
        shrink: 2, 4 or 8 decodes a JPEG at that fraction of its sides, which takes less time; see
            `shrink_for`.

    Raises:
        ImageError: When it is damaged.
    """
    if header.skipped:
        data = _leave_out(data, header.skipped)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS[shrink])
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise _out_of_memory(header) from None
        pixels = None
    if pixels is None:
        raise undecodable(header.kind)
    height, width = pixels.shape[:2]
    size_wh = (width, height) if shrink == 1 else _upright(header, width, shrink)
    return Picture(pixels.astype(np.uint8, copy=False), header.kind, size_wh)


def _upright(header: Header, width: int, shrink: int) -> tuple[int, int]:
    """Width and height of the whole picture, turned as the decoder turned a fraction of it."""
    is_turned = width != math.ceil(header.width / shrink)
    return (header.height, header.width) if is_turned else (header.width, header.height)


def shrink_for(header: Header, input_size_wh: tuple[int, int]) -> int:
    """By how much the sides of a JPEG may shrink while it is decoded, for a network.

    What is left has at least four times the sides of the network's input, as their geometric mean,
    and no side less than three times: at twice, one box in ten moves or changes its confidence
    (`benchmarks/scaled_decoding.py`). libjpeg computes the smaller picture from fewer coefficients,
    as its DCT allows.

    Args:
        header: The picture's.
        input_size_wh: Width and height of the network's input in pixels.

    Returns:
        1, 2, 4 or 8.
    """
    if header.kind != "JPEG" or not header.is_plain:
        return 1
    (width, height), (input_width, input_height) = (header.width, header.height), input_size_wh
    widest = min(width / input_width, height / input_height) / 3
    mean = (width * height / (input_width * input_height)) ** 0.5 / 4
    return next((shrink for shrink in (8, 4, 2) if shrink <= min(widest, mean)), 1)


def _reader(data: bytes) -> Callable[[bytes], Header] | None:
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return webp.read
    return next((read for start, read in _READERS.items() if data.startswith(start)), None)


def _unknown_kind(data: bytes) -> ImageError:
    if not data:
        return ImageError("The file is empty: send a picture.", "not_an_image")
    if other := name_other_kind(data):
        advice = " Convert it to JPEG or PNG." if "picture" in other else ""
        return ImageError(f"This is {other}, not a picture in {KINDS}.{advice}", "unsupported")
    return ImageError(f"This is not a picture in {KINDS}.", "unrecognised")


def thumbnail(pixels: Pixels, side: int = THUMBNAIL_SIDE) -> Pixels:
    """Every n-th pixel of a picture, so that its longest side has at most `side`: a copy.

    Args:
        pixels: `(height, width, 3)` uint8.
        side: In pixels.
    """
    step = -(-max(pixels.shape[:2]) // side)
    return pixels[::step, ::step].copy()


def _out_of_memory(header: Header) -> ImageError:
    return ImageError(
        f"Decoding this {header.kind} file of {header.width} x {header.height} pixels takes too "
        "much memory. Make it smaller, or save it as an ordinary JPEG.",
        "too_large",
    )


def undecodable(kind: str) -> ImageError:
    """The error for a file that its decoder gives up on."""
    return ImageError(f"The {kind} file is damaged and cannot be decoded.", "not_an_image")


def _leave_out(data: bytes, parts: Sequence[tuple[int, int]]) -> bytes:
    ends = [0, *(end for _, end in parts)]
    starts = [*(start for start, _ in parts), len(data)]
    return b"".join(data[end:start] for end, start in zip(ends, starts, strict=True))


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
