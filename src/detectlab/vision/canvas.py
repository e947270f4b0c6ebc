"""Rectangles and text on an array of pixels: NumPy, and Pillow for the letters."""

from functools import cache, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from detectlab.vision.colours import RGB, ink_on

Pixels = NDArray[np.uint8]
Order = Literal["bgr", "rgb"]
Rectangle = tuple[int, int, int, int]  # x_min, y_min, x_max, y_max


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


@cache
def _shades(colour: RGB) -> NDArray[np.uint8]:
    """The 256 colours from a bar's own to that of the ink on it."""
    return np.linspace(colour, ink_on(colour), 256).round().astype(np.uint8)


class Canvas:
    """A copy of a picture to draw on; what lies beyond its borders is cut off.

    Args:
        image: `(height, width, 3)` uint8.
        order: Order of its channels.
    """

    def __init__(self, image: Pixels, order: Order) -> None:
        self.pixels = image.copy()
        self.height, self.width = image.shape[:2]
        self._step = -1 if order == "bgr" else 1

    def fill(self, rectangle: Rectangle, colour: RGB) -> None:
        """Paint a rectangle.

        Args:
            rectangle: Its corners; the pixels at `x_max` and `y_max` are not painted.
            colour: The paint.
        """
        x_min, y_min, x_max, y_max = (max(0, edge) for edge in rectangle)
        self.pixels[y_min:y_max, x_min:x_max] = colour[:: self._step]

    def frame(self, box: Rectangle, colour: RGB, line_px: int) -> None:
        """Paint the outline of a box.

        Args:
            box: The middle of the line.
            colour: The line's.
            line_px: The line's width in pixels.
        """
        x_min, y_min, x_max, y_max = box
        before, after = line_px // 2, line_px - line_px // 2
        for y in (y_min, y_max):
            self.fill((x_min - before, y - before, x_max + after, y + after), colour)
        for x in (x_min, x_max):
            self.fill((x - before, y_min - before, x + after, y_max + after), colour)

    def write(self, text: str, font_px: int, corner_xy: tuple[int, int], colour: RGB) -> None:
        """Write a line of text on a bar.

        Args:
            text: One line.
            font_px: Height of the letters in pixels.
            corner_xy: Top left corner of the bar, inside the picture.
            colour: The bar's; the letters are black or white.
        """
        x, y = corner_xy
        mask = text_mask(text, font_px)[: self.height - y, : self.width - x]
        shades = _shades(colour)[:, :: self._step]
        self.pixels[y : y + mask.shape[0], x : x + mask.shape[1]] = shades.take(mask, axis=0)

    def connect(self, box: Rectangle, *, label: Rectangle, colour: RGB, line_px: int) -> None:
        """Paint a leader from the nearest point of a box to its label, along both axes.

        Args:
            box: The box.
            label: The label's bar.
            colour: The line's.
            line_px: The line's width in pixels.
        """
        (x, to_x), (y, to_y) = (_nearest(box[axis::2], label[axis::2]) for axis in (0, 1))
        self.fill((min(x, to_x), to_y, max(x, to_x) + line_px, to_y + line_px), colour)
        self.fill((x, min(y, to_y), x + line_px, max(y, to_y) + line_px), colour)


def _nearest(interval: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int]:
    """The points of two intervals that are nearest to each other; one point where they overlap."""
    (low, high), (other_low, other_high) = interval, other
    if high < other_low:
        return high, other_low
    if other_high < low:
        return low, other_high
    middle = (max(low, other_low) + min(high, other_high)) // 2
    return middle, middle
