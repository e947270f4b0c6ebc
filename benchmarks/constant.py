"""Detectors that take a constant time and no processor, for `growth.py` on a cluster."""

import threading
import time

import numpy as np
from numpy.typing import NDArray

from detectlab import Detections

SLEEP_S = 0.5
NAMES = ("apple",)


class Constant:
    """Finds nothing, one picture after the other, so long each."""

    name = "constant"
    names = NAMES

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turn = threading.Lock()

    def detect(
        self, image: NDArray[np.uint8], confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        with self._turn:
            time.sleep(self._seconds)
        return Detections.empty(NAMES)


def sleeping() -> Constant:
    return Constant(SLEEP_S)


def instant() -> Constant:
    return Constant(0.0)
