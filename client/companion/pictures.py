"""The pictures that were chosen, and how they are shown."""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

# What the server takes, by its usual endings and by its content.
ENDINGS = ("jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff")
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_MAX_PIXELS = 80_000_000
# Longer side of what is shown: enough for a wide screen; small pictures grow, so that labels fit.
_SHOWN_PX = (800, 1400)


class NotAPicture(ValueError):
    """A file that cannot be shown; the message says what to do."""


@dataclass(frozen=True)
class Picture:
    """A picture file that the user chose.

    Attributes:
        name: Its file name.
        data: The file's bytes.
    """

    name: str
    data: bytes

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


def view(data: bytes) -> View:
    """Decode a picture for the screen, upright as its EXIF data says.

    Raises:
        NotAPicture: When it is none, or damaged, or far too large.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            size_wh = _upright_size(image)
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


def _upright_size(image: Image.Image) -> tuple[int, int]:
    is_on_its_side = image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    return (image.height, image.width) if is_on_its_side else image.size


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow would cut 16 bit to white
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    return image.convert("RGB")
