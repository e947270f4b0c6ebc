"""Fault injection: detectors that are broken on purpose, to test the guard rails."""

import threading
import time

import numpy as np
from numpy.typing import NDArray

from detectlab.detection.detector import Detector
from detectlab.rollout.plan import Fault
from detectlab.vision.detections import Detections

_SLOWER = 10
_LEAK_MB = 64


class InjectedError(RuntimeError):
    """The error of a detector with the fault `raises`."""


class FaultyDetector:
    """A detector with a fault.

    Args:
        detector: The healthy detector.
        fault: `swapped_channels` swaps blue and red, `slow` takes ten times as long, `raises` fails
            every time, `hangs` never returns, and `eats_memory` leaks 64 MB for every picture.
    """

    def __init__(self, detector: Detector, fault: Fault) -> None:
        self.name = detector.name
        self.names = detector.names
        self.healthy = detector
        self._fault = fault
        self._leak: list[NDArray[np.uint8]] = []

    def detect(
        self, image: NDArray[np.uint8], confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        """Find objects, with the fault; otherwise as `Detector.detect`."""
        if self._fault == "raises":
            raise InjectedError("This candidate fails on purpose.")
        if self._fault == "hangs":
            threading.Event().wait()
        if self._fault == "eats_memory":
            self._leak.append(np.ones(_LEAK_MB << 20, np.uint8))
        if self._fault == "swapped_channels":
            image = np.ascontiguousarray(image[..., ::-1])
        started = time.perf_counter()
        found = self.healthy.detect(image, confidence, nms_threshold)
        if self._fault == "slow":
            time.sleep((_SLOWER - 1) * (time.perf_counter() - started))
        return found
