"""Looking at many pictures: several at once, answers in order."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectlab.detection.detector import Detector
from detectlab.vision.detections import Detections
from detectlab.vision.images import ImageError, read_image


class Look(NamedTuple):
    """What came of looking at one picture.

    Attributes:
        file: The picture.
        pixels: `(height, width, 3)` uint8 BGR; without any where it cannot be read.
        found: The objects in it.
        seconds: How long the detector took.
        error: Why it cannot be read.
    """

    file: Path
    pixels: NDArray[np.uint8]
    found: Detections
    seconds: float
    error: ImageError | OSError | None = None


def look_at_all(
    files: Sequence[Path], detector: Detector, confidence: float, at_once: int
) -> Iterator[Look]:
    """Read pictures and find what is in them.

    Args:
        files: The pictures.
        detector: Finds the objects.
        confidence: Only objects whose score exceeds this, in `[0, 1]`.
        at_once: How many are in work at a time; memory is used for twice as many.

    Yields:
        One for each file, in order.
    """
    if min(at_once, len(files)) <= 1:
        yield from (_look(file, detector, confidence) for file in files)
        return
    waiting: deque[Future[Look]] = deque()
    with ThreadPoolExecutor(at_once, "look") as threads:
        for file in files:
            if len(waiting) == 2 * at_once:
                yield waiting.popleft().result()
            waiting.append(threads.submit(_look, file, detector, confidence))
        while waiting:
            yield waiting.popleft().result()


def _look(file: Path, detector: Detector, confidence: float) -> Look:
    try:
        pixels = read_image(file)
    except (ImageError, OSError) as error:
        nothing = Detections.empty(detector.names)
        return Look(file, np.empty((0, 0, 3), np.uint8), nothing, 0.0, error)
    started = time.perf_counter()
    found = detector.detect(pixels, confidence)
    return Look(file, pixels, found, time.perf_counter() - started)
