"""What a header tells, and why a file is refused."""

from dataclasses import dataclass
from typing import Literal

Reason = Literal["not_an_image", "unrecognised", "unsupported", "too_large"]

# What decoding one picture may take. Formats differ in how many bytes they need for a pixel.
MAX_MEMORY_BYTES = 240_000_000


class ImageError(ValueError):
    """Bytes or an array that cannot be used as a picture.

    Attributes:
        reason: `not_an_image` (damaged or cut short), `unrecognised` (nothing in its content looks
            like a picture), `unsupported` (a kind of file that is not read), or `too_large` (more
            pixels, memory or work than allowed).
    """

    def __init__(self, message: str, reason: Reason) -> None:
        super().__init__(message)
        self.reason: Reason = reason


@dataclass(frozen=True)
class Header:
    """What a picture file says about itself before it is decoded.

    Attributes:
        kind: The format, such as `"JPEG"`.
        width: In pixels.
        height: In pixels.
        memory_bytes: An upper estimate of what decoding takes, the decoded pixels included.
        is_complete: Whether the end of the file is there, as far as the format shows it.
        is_plain: Whether the cost of decoding is bounded by the size of the picture and of the
            file, so that it may run where it cannot be stopped.
        unpacked_bytes: An upper estimate of what decompression gives, where it may be far more than
            the pixels take.
        skipped: Parts of the file, `(start, end)` in bytes, that decoders must not see.
    """

    kind: str
    width: int
    height: int
    memory_bytes: int
    is_complete: bool = True
    is_plain: bool = False
    unpacked_bytes: int = 0
    skipped: tuple[tuple[int, int], ...] = ()


def damaged(kind: str) -> ImageError:
    """The refusal of a file whose header makes no sense."""
    return ImageError(f"The header of the {kind} file is damaged.", "not_an_image")


def too_costly(kind: str, what: str) -> ImageError:
    """The refusal of a file that would take too much to decode.

    Args:
        kind: The format.
        what: What there is too much of, such as `"120 scans (at most 100 are taken)"`.
    """
    return ImageError(
        f"The {kind} file has {what}. Save the picture again as an ordinary JPEG or PNG.",
        "too_large",
    )
