"""One colour for each class name, told apart by colour-blind people too."""

import zlib
from functools import cache

RGB = tuple[int, int, int]

# Chosen by a search for the largest smallest distance (CIE Lab) between any two of them, for normal
# vision and as simulated for protanopia, deuteranopia and tritanopia.
PALETTE: tuple[RGB, ...] = (
    (221, 102, 255),
    (136, 153, 0),
    (102, 0, 255),
    (136, 34, 102),
    (255, 221, 136),
    (17, 85, 17),
    (119, 255, 255),
    (255, 102, 136),
    (102, 17, 153),
    (187, 255, 0),
)
# Classes that often stand in one picture (fruit, traffic, a table) get different colours with it.
_SEED = 41910


@cache
def class_colour(name: str) -> RGB:
    """The colour of a class, `(red, green, blue)`, whichever detector found it.

    >>> class_colour("orange")
    (255, 221, 136)
    """
    return PALETTE[zlib.crc32(name.encode(), _SEED) % len(PALETTE)]


@cache
def ink_on(colour: RGB) -> RGB:
    """Black or white, whichever is easier to read on `colour` (contrast as in WCAG 2)."""
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in colour)
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (0, 0, 0) if (luminance + 0.05) ** 2 > 0.05 * 1.05 else (255, 255, 255)
