"""Letters as masks: Pillow's own font for plain text, Open Sans for Latin, Greek and Cyrillic."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=2048)
def text_mask(text: str, font_px: int) -> NDArray[np.uint8]:
    """A text as opacities, with a margin around it.

    Args:
        text: One line.
        font_px: Height of the letters in pixels.

    Returns:
        `(height, width)` uint8, 255 where the ink is; read-only. The height depends on `font_px`
        alone.
    """
    font = _font(font_px, is_plain=text.isascii())
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
    margin = max(2, font_px // 4)
    # Pillow's font reaches from 0.2 (capitals) to 1.2 (descenders) of its size.
    height = round(font_px * 1.2) + margin
    opacity = np.zeros((height, right - left + 2 * margin), np.uint8)
    letters = np.asarray(font.getmask(text, "L"), np.uint8).reshape(bottom - top, right - left)
    letters = letters[:height]  # marks that are stacked may be higher than the bar
    y = min(top, height - len(letters))
    opacity[y : y + len(letters), margin : margin + right - left] = letters
    opacity.setflags(write=False)
    return opacity


@lru_cache(maxsize=64)
def _font(font_px: int, *, is_plain: bool) -> _Font:
    if is_plain:
        return ImageFont.load_default(font_px)
    from ttf_opensans import OPENSANS_REGULAR  # late: few texts need it

    # Its accents and descenders are as far apart as those of Pillow's font then.
    return ImageFont.truetype(OPENSANS_REGULAR.path, max(1, round(font_px * 0.9)))
