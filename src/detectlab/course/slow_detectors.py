"""Detectors with a fixed, long time for each picture, which leave the processor idle."""

import threading
import time

import numpy as np
from numpy.typing import NDArray

from detectlab.detection.detector import Detector, load_detector
from detectlab.vision.detections import Detections

SECONDS = 0.2


class SlowDetector:
    """Runs another detector, one picture at a time, and pauses until a fixed time has passed.

    It simulates a large detector on its own hardware: a laptop with two cores can run eight of
    them, and each adds the throughput of a separate machine.

    Args:
        detector: The detector that answers.
        seconds: Time for one picture, in seconds.
    """

    def __init__(self, detector: Detector, seconds: float = SECONDS) -> None:
        self.name = detector.name
        self.names = detector.names
        self._detector = detector
        self._seconds = seconds
        self._turn = threading.Lock()

    def detect(
        self, image: NDArray[np.uint8], confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        """Find the objects in one picture."""
        with self._turn:
            until = time.monotonic() + self._seconds
            found = self._detector.detect(image, confidence, nms_threshold)
            time.sleep(max(0.0, until - time.monotonic()))
        return found


def nano() -> SlowDetector:
    """`nano`, slowed down."""
    return SlowDetector(load_detector("nano"))


def nano_256() -> SlowDetector:
    """`nano` with an input of 256 x 256 pixels, slowed down."""
    return SlowDetector(load_detector("nano", input_size=256))


def broken() -> SlowDetector:
    """A version that fails to load."""
    raise RuntimeError("these weights are those of another network")
