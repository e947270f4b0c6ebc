"""Non-maximum suppression, by OpenCV."""

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.vision.boxes import FloatArray


def non_max_suppression(
    xyxy: FloatArray,
    confidence: FloatArray,
    *,
    iou_threshold: float = 0.3,
    max_count: int | None = None,
) -> NDArray[np.intp]:
    """Indices of the boxes that greedy non-maximum suppression keeps, as `cv2.dnn.NMSBoxes` does.

    Boxes of different classes suppress each other; call it once for each class to prevent that.

    Args:
        xyxy: `(N, 4)` boxes.
        confidence: `(N,)` scores; a box with score 0 is dropped.
        iou_threshold: A box is dropped when its IoU with a kept one exceeds this, in `[0, 1]`.
        max_count: Maximum number of kept boxes; no limit by default.

    Returns:
        `(K,)` indices, most confident first.
    """
    boxes = np.asarray(xyxy, dtype=np.float64)
    xywh = np.hstack([boxes[:, :2], np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0)])
    scores = np.asarray(confidence, dtype=np.float32)
    kept = cv2.dnn.NMSBoxes(xywh, scores, 0.0, iou_threshold)  # type: ignore[arg-type]
    return np.array(kept, dtype=np.intp)[:max_count]
