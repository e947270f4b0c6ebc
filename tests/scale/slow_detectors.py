"""A detector for the cluster's nodes, which import it by name: it takes a second for nothing."""

import time

import numpy as np
from numpy.typing import NDArray

from detectlab.models.registry import get_card
from detectlab.vision.detections import Detections


class SlowDetector:
    name = "slow"
    names = get_card("nano").classes

    def detect(
        self, image: NDArray[np.uint8], confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        time.sleep(1)
        return Detections.empty(self.names)


def make() -> SlowDetector:
    return SlowDetector()
