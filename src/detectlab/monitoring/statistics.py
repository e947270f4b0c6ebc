"""The statistics of a picture and of an answer, and the bins in which each is counted.

Statistics of pixels are computed on a copy of at most 160 pixels. Sharpness is the variance of
the Laplacian (Pech-Pacheco et al., 2000), colourfulness as defined by Hasler and Suesstrunk (2003).
"""

from dataclasses import dataclass
from math import log
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.vision.detections import Detections

BINS = 256
NO_VALUE = -1
# The colour wheel in twelve parts, each around its hue.
HUES = (
    *("red", "orange", "yellow", "chartreuse", "green", "spring green"),
    *("cyan", "azure", "blue", "violet", "magenta", "rose"),
)
_EXTREME = 2  # per cent of the pixels

Floats = NDArray[np.float64]
Indices = NDArray[np.int16]


@dataclass(frozen=True)
class Statistic:
    """One statistic.

    Attributes:
        name: Its name.
        text: What it is, for people.
        about: Whether it describes the picture that came or the answer that was given.
        low: The lowest value that is told apart from lower ones.
        high: The highest one.
        is_log: Whether the bins are equally wide on a logarithmic scale.
        is_class: Whether the values are indices of classes, which have no order.
        labels: Names of these classes; empty for those of the detector.
    """

    name: str
    text: str
    about: Literal["picture", "answer"]
    low: float
    high: float
    is_log: bool = False
    is_class: bool = False
    labels: tuple[str, ...] = ()

    def value_at(self, index: float) -> float:
        """The value in the middle of a bin, by its index in `[0, BINS)`."""
        if self.is_class:
            return index
        share = (index + 0.5) / BINS
        low, high = self._ends
        value = low + share * (high - low)
        return float(np.exp(value)) if self.is_log else float(value)

    def class_name(self, index: int, classes: tuple[str, ...]) -> str:
        """The name of a value that is a class; a number where there is no such class.

        Args:
            index: The value.
            classes: Those of the detector.
        """
        names = self.labels or classes
        return names[index] if index < len(names) else f"class {index}"

    @property
    def _ends(self) -> tuple[float, float]:
        return (log(self.low), log(self.high)) if self.is_log else (self.low, self.high)


STATISTICS = (
    Statistic("side", "longer side in pixels", "picture", 16, 16384, is_log=True),
    Statistic("shape", "width divided by height", "picture", 0.1, 10, is_log=True),
    Statistic("bytes", "size of the file in bytes", "picture", 1 << 8, 1 << 26, is_log=True),
    Statistic("brightness", "mean brightness", "picture", 0, 256),
    Statistic("contrast", "standard deviation of the brightness", "picture", 0, 128),
    Statistic("sharpness", "variance of the Laplacian", "picture", 0.1, 1e5, is_log=True),
    Statistic("colourfulness", "colourfulness", "picture", 0, 192),
    Statistic("warmth", "red minus blue, mean", "picture", -128, 128),
    Statistic("tint", "green minus magenta, mean", "picture", -64, 64),
    Statistic("darkest", "brightness of the darkest 2 %", "picture", 0, 256),
    Statistic("brightest", "brightness of the brightest 2 %", "picture", 0, 256),
    Statistic("hue", "strongest colour", "picture", 0, BINS, is_class=True, labels=HUES),
    Statistic("objects", "objects in a picture", "answer", -0.5, BINS - 0.5),
    Statistic("confidence", "mean confidence of a picture's objects", "answer", 0, 1),
    Statistic("top_confidence", "confidence of the surest object", "answer", 0, 1),
    Statistic("box_size", "median side of a box, relative to the picture", "answer", 0, 1),
    Statistic("first_class", "class of the surest object", "answer", 0, BINS, is_class=True),
)
NAMES = tuple(statistic.name for statistic in STATISTICS)
COUNT = len(STATISTICS)
PICTURE = np.array([statistic.about == "picture" for statistic in STATISTICS])
# Those that need the pixels: they are computed for a sample of the pictures only.
PIXELS = PICTURE & (np.arange(COUNT) >= NAMES.index("brightness"))

_ENDS = np.array([statistic._ends for statistic in STATISTICS])
_IS_LOG = np.array([statistic.is_log for statistic in STATISTICS])
_FIRST_OF_PIXELS = int(PIXELS.argmax())
_FIRST_OF_ANSWER = NAMES.index("objects")


def file_statistics(size_wh: tuple[int, int], file_bytes: int) -> Floats:
    """The statistics of a picture that cost nothing; those of pixels and of an answer are NaN.

    Args:
        size_wh: Width and height of the picture, in pixels.
        file_bytes: Size of its file.

    Returns:
        `(COUNT,)` values in the order of `STATISTICS`.
    """
    values = np.full(COUNT, np.nan)
    values[:_FIRST_OF_PIXELS] = max(size_wh), size_wh[0] / size_wh[1], file_bytes
    return values


def picture_statistics(
    thumbnail: NDArray[np.uint8], size_wh: tuple[int, int], file_bytes: int
) -> Floats:
    """The statistics of a picture; those of an answer are NaN.

    Args:
        thumbnail: `(height, width, 3)` uint8 BGR, the picture in at most 160 x 160 pixels.
        size_wh: Width and height of the picture itself, in pixels.
        file_bytes: Size of its file.

    Returns:
        `(COUNT,)` values in the order of `STATISTICS`.
    """
    values = file_statistics(size_wh, file_bytes)
    grey = cv2.cvtColor(thumbnail, cv2.COLOR_BGR2GRAY)
    mean, deviation = cv2.meanStdDev(grey)
    _, edge = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F))
    blue, green, red = (part.astype(np.float32) for part in cv2.split(thumbnail))
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    means, deviations = zip(*map(cv2.meanStdDev, (red_green, yellow_blue)), strict=True)
    colourfulness = np.hypot(*map(np.ravel, deviations)) + 0.3 * np.hypot(*map(np.ravel, means))
    middle = cv2.mean(thumbnail)
    values[_FIRST_OF_PIXELS:_FIRST_OF_ANSWER] = (
        mean[0, 0],
        deviation[0, 0],
        edge[0, 0] ** 2,
        colourfulness[0],
        middle[2] - middle[0],
        middle[1] - (middle[0] + middle[2]) / 2,
        *np.percentile(grey, (_EXTREME, 100 - _EXTREME), method="nearest"),
        _strongest_hue(thumbnail),
    )
    return values


def _strongest_hue(thumbnail: NDArray[np.uint8]) -> float:
    """The index in `HUES` with the most saturation in a picture; NaN in one without colours."""
    hue, saturation, value = cv2.split(cv2.cvtColor(thumbnail, cv2.COLOR_BGR2HSV))
    turn = 180 // len(HUES)  # OpenCV's hues are from 0 to 179
    place = (hue + turn // 2) // turn % len(HUES)
    strength = np.bincount(
        place.ravel(), (cv2.multiply(saturation, value, scale=1 / 255)).ravel(), len(HUES)
    )
    return float(strength.argmax()) if strength.any() else np.nan


def answer_statistics(found: Detections, size_wh: tuple[int, int]) -> Floats:
    """The statistics of an answer; those of a picture, and of objects that are not there, are NaN.

    Args:
        found: The objects, most confident first.
        size_wh: Width and height of the picture, in pixels.

    Returns:
        `(COUNT,)` values in the order of `STATISTICS`.
    """
    values = np.full(COUNT, np.nan)
    values[_FIRST_OF_ANSWER] = len(found)
    if len(found):
        sides_wh = np.maximum(0, found.xyxy[:, 2:] - found.xyxy[:, :2])
        sizes = np.sort(np.sqrt(sides_wh[:, 0] * sides_wh[:, 1]))
        middle = (sizes[(len(sizes) - 1) // 2] + sizes[len(sizes) // 2]) / 2
        values[_FIRST_OF_ANSWER + 1 :] = (
            found.confidence.sum() / len(found),
            found.confidence[0],
            middle / (size_wh[0] * size_wh[1]) ** 0.5,
            found.class_id[0],
        )
    return values


def bins_of(values: Floats) -> Indices:
    """The bin of each value, in `[0, BINS)`, or `NO_VALUE` where the value is NaN.

    Args:
        values: `(..., COUNT)` in the order of `STATISTICS`.
    """
    scaled = values.copy()
    scaled[..., _IS_LOG] = np.log(np.maximum(scaled[..., _IS_LOG], 1e-9))
    low, high = _ENDS.T
    share = (scaled - low) / (high - low)
    missing = np.isnan(share)
    index = np.clip(np.where(missing, 0, share) * BINS, 0, BINS - 1)
    return np.where(missing, NO_VALUE, index).astype(np.int16)
