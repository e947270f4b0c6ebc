"""Candidates that are broken on purpose, to see that it is noticed."""

import threading
import time

import numpy as np
from numpy.typing import NDArray

from detectlab.detection.detector import Detector
from detectlab.rollout.plan import Drill
from detectlab.vision.detections import Detections

_SLOWER = 10
_HELD_MB = 64


class DrillError(RuntimeError):
    """What a detector with the drill `raises` raises."""


class DrilledDetector:
    """A detector with a fault.

    Args:
        detector: The sound one inside.
        drill: What is wrong: `swapped_channels` takes blue for red, `slow` takes ten times as long,
            `raises` fails every time, `hangs` never ends, and `eats_memory` keeps 64 MB of every
            picture.
    """

    def __init__(self, detector: Detector, drill: Drill) -> None:
        self.name = detector.name
        self.names = detector.names
        self.sound = detector
        self._drill = drill
        self._eaten: list[NDArray[np.uint8]] = []

    def detect(
        self, image: NDArray[np.uint8], confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        """Find objects, wrongly; `detectlab.detection.detector.Detector` says how it is meant."""
        if self._drill == "raises":
            raise DrillError("This candidate fails on purpose.")
        if self._drill == "hangs":
            threading.Event().wait()
        if self._drill == "eats_memory":
            self._eaten.append(np.ones(_HELD_MB << 20, np.uint8))
        if self._drill == "swapped_channels":
            image = np.ascontiguousarray(image[..., ::-1])
        started = time.perf_counter()
        found = self.sound.detect(image, confidence, nms_threshold)
        if self._drill == "slow":
            time.sleep((_SLOWER - 1) * (time.perf_counter() - started))
        return found
