"""A detector that lets us wait, and leaves the processor alone meanwhile."""

import threading
import time

import numpy as np
from numpy.typing import NDArray

from detectlab.detection.detector import Detector, load_detector
from detectlab.vision.detections import Detections

SECONDS = 0.2


class Patient:
    """Answers as another detector does, one picture after the other, each after a pause.

    So it stands for a large detector on hardware of its own: a laptop with two cores can run eight
    of them, and each adds what a machine of its own would add.

    Args:
        detector: Who answers.
        seconds: What one picture takes in all.
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


def nano() -> Patient:
    """`nano`, with patience."""
    return Patient(load_detector("nano"))


def nano_256() -> Patient:
    """A version of it that looks at 256 x 256 pixels."""
    return Patient(load_detector("nano", input_size=256))


def broken() -> Patient:
    """A version that nobody tried before."""
    raise RuntimeError("these weights are those of another network")
