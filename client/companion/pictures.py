"""The pictures that were chosen, and how they are shown."""

import base64
import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from detectlab.vision.labels import Labels

# What the server takes, by its content, and what can be chosen, by its usual endings.
SERVER_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
ENDINGS = ("jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "avif")
_MAX_PIXELS = 80_000_000
# Longer side of what is shown: enough for a wide screen; small pictures grow, so that labels fit.
_SHOWN_PX = (800, 1400)
_THUMBNAIL_WH = (96, 72)


class NotAPicture(ValueError):
    """A file that cannot be shown; the message says what to do."""


@dataclass(frozen=True)
class Picture:
    """A picture file that the user chose.

    Attributes:
        name: Its file name.
        data: The bytes that the server gets.
        factor: How many times wider the chosen picture is than the one that the server gets.
        note: What was changed for the server, as a sentence; empty if nothing was.
        truth: Its labels, where there are any.
    """

    name: str
    data: bytes
    factor: float = 1.0
    note: str = ""
    truth: Labels | None = None

    @cached_property
    def digest(self) -> str:
        """Tells pictures apart by their content."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, eq=False)
class View:
    """A picture as it is shown.

    Attributes:
        image: RGB, upright, of a size for screens.
        size_wh: Width and height of the whole picture, in whose pixels the server answers.
    """

    image: Image.Image
    size_wh: tuple[int, int]


def samples(folder: Path) -> dict[str, Path]:
    """The sample pictures in `folder` by name, without their suffix."""
    files = sorted(folder.glob("*")) if folder.is_dir() else []
    return {file.stem: file for file in files if file.suffix.lower().lstrip(".") in ENDINGS}


def distinct(pictures: Iterable[Picture]) -> list[Picture]:
    """Each picture once, the first time it comes."""
    known: dict[str, Picture] = {}
    for picture in pictures:
        known.setdefault(picture.digest, picture)
    return list(known.values())


def thumbnail(file: Path) -> str:
    """A small copy of a picture as the address of an image in a page."""
    with Image.open(file, formats=SERVER_FORMATS) as image:
        image.draft("RGB", _THUMBNAIL_WH)
        small = ImageOps.fit(ImageOps.exif_transpose(_as_rgb(image)), _THUMBNAIL_WH)
    data = io.BytesIO()
    small.save(data, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


def view(data: bytes) -> View:
    """Decode a picture for the screen, upright as its EXIF data says.

    Raises:
        NotAPicture: When it is none, or damaged, or far too large.
    """
    try:
        with Image.open(io.BytesIO(data), formats=SERVER_FORMATS) as image:
            size_wh = upright_size(image)
            if image.width * image.height > _MAX_PIXELS:
                raise NotAPicture(
                    f"The picture has {image.width} x {image.height} pixels, too many to show. "
                    "Make it smaller and choose it again."
                )
            image.draft("RGB", (_SHOWN_PX[1], _SHOWN_PX[1]))  # unpacks a large JPEG smaller
            upright = ImageOps.exif_transpose(_as_rgb(image))
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise NotAPicture(
            "This file is not a picture that can be read. Choose a JPEG, PNG, WebP, BMP, GIF or "
            "TIFF file."
        ) from None
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, NotAPicture):
            raise
        raise NotAPicture(
            "The picture is damaged or incomplete. Save it again, or choose another one."
        ) from None
    longest = max(upright.size)
    scale = min(max(longest, _SHOWN_PX[0]), _SHOWN_PX[1]) / longest
    shown_wh = (max(1, round(upright.width * scale)), max(1, round(upright.height * scale)))
    return View(upright.resize(shown_wh), size_wh)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of a picture that is turned as its EXIF data says."""
    is_on_its_side = image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    return (image.height, image.width) if is_on_its_side else image.size


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow would cut 16 bit to white
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    return image.convert("RGB")
