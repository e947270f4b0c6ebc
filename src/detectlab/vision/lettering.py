"""Letters as masks: Pillow's own font."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont


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
    font = ImageFont.load_default(font_px)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
    margin = max(2, font_px // 4)
    # Pillow's font reaches from 0.2 (capitals) to 1.2 (descenders) of its size.
    height = round(font_px * 1.2) + margin
    opacity = np.zeros((height, right - left + 2 * margin), np.uint8)
    letters = np.asarray(font.getmask(text, "L"), np.uint8).reshape(bottom - top, right - left)
    y = min(top, height - (bottom - top))
    opacity[y : y + bottom - top, margin : margin + right - left] = letters
    opacity.setflags(write=False)
    return opacity
