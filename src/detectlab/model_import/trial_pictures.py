"""The pictures on which a new detector is tried: they ship with the package."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.vision.images import read_image

_FOLDER = Path(__file__).parents[1] / "assets"
_NAMES = ("fruits", "car", "clock")


def trial_pictures() -> dict[str, NDArray[np.uint8]]:
    """Fruit, a car, a clock and a printed page, by name: `(height, width, 3)` uint8 BGR."""
    pictures = {name: read_image(_FOLDER / f"trial_{name}.jpg") for name in _NAMES}
    return {**pictures, "page": _draw_page()}


def _draw_page() -> NDArray[np.uint8]:
    """A page with a title, two columns of words and a table, for detectors of layouts."""
    page = np.full((640, 480, 3), 255, np.uint8)
    rng = np.random.default_rng(0)

    def write(text: str, left: int, base: int, size: float, thickness: int = 1) -> None:
        place = (left, base)
        cv2.putText(page, text, place, cv2.FONT_HERSHEY_DUPLEX, size, (0, 0, 0), thickness)

    write("Detection of fruit in kitchens", 50, 50, 0.75, 2)
    for left in (35, 250):
        for line in range(16):
            words = ["n" * length for length in rng.integers(2, 8, 5)]
            write(" ".join(words)[:26], left, 90 + 17 * line, 0.38)
    for line in range(7):
        cv2.line(page, (60, 400 + 28 * line), (420, 400 + 28 * line), (0, 0, 0), 1)
        for column in range(5):
            if line < 6:
                write(f"{rng.uniform(0, 99):.1f}", 72 + 72 * column, 420 + 28 * line, 0.4)
    for column in range(6):
        cv2.line(page, (60 + 72 * column, 400), (60 + 72 * column, 568), (0, 0, 0), 1)
    return page
