"""Make a chosen file one that the server takes: shrink large pictures, rewrite other formats."""

import io
from dataclasses import replace

from PIL import Image, ImageOps, UnidentifiedImageError

from pictures import SERVER_FORMATS, Picture, upright_size

# What the server takes at most, by its defaults.
_MAX_BYTES = 10 << 20
_MAX_PIXELS = 40_000_000
# What is sent instead of a larger one: no detector looks at more.
_SENT_PX = 4000
# A JPEG is decoded at a fraction of its size; others are not, and would fill the memory.
_MOST_PIXELS = {"JPEG": 400_000_000}
_MOST_OTHER_PIXELS = 80_000_000


def fit(picture: Picture) -> Picture:
    """The picture as the server takes it; one that nothing here can read stays as it is."""
    try:
        with Image.open(io.BytesIO(picture.data)) as image:
            reason = _reason(image, len(picture.data))
            most = _MOST_PIXELS.get(str(image.format), _MOST_OTHER_PIXELS)
            if not reason or image.width * image.height > most:
                return picture
            return _rewritten(picture, image, reason)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        return picture


def _reason(image: Image.Image, size_bytes: int) -> str:
    if image.width * image.height > _MAX_PIXELS:
        return f"has {image.width} × {image.height} pixels"
    if size_bytes > _MAX_BYTES:
        return f"has {size_bytes / 1e6:.0f} MB"
    if image.format not in SERVER_FORMATS:
        return f"is {image.format}"
    return ""


def _rewritten(picture: Picture, image: Image.Image, reason: str) -> Picture:
    width, _ = upright_size(image)
    image.draft("RGB", (_SENT_PX, _SENT_PX))  # decodes a large JPEG at a fraction of its size
    small = ImageOps.exif_transpose(image).convert("RGB")
    small.thumbnail((_SENT_PX, _SENT_PX))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=92)
    note = f"It {reason}: the server gets a JPEG of {small.width} × {small.height} pixels."
    return replace(picture, data=file.getvalue(), factor=width / small.width, note=note)
