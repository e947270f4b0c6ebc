"""Detections as they are judged."""

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.vision.metrics import Found

__all__ = ["Found", "suppress"]

NMS_THRESHOLD = 0.45
LOWEST_SCORE = 0.01

Rows = NDArray[np.float32]  # (N, 4 + classes): x_min, y_min, x_max, y_max from 0 to 1, scores


def suppress(rows: Rows, lowest: float = LOWEST_SCORE) -> Found:
    """Gives the detections that stay after non-maximum suppression, each class by itself.

    Args:
        rows: All boxes with the scores of every class.
        lowest: Scores at or below it are dropped.

    Returns:
        (N, 6): class, score, corners from 0 to 1.
    """
    found = []
    for label in range(rows.shape[1] - 4):
        scores = rows[:, 4 + label]
        boxes, scores = rows[scores > lowest, :4], scores[scores > lowest]
        corners = np.c_[boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]
        kept = cv2.dnn.NMSBoxes(corners.tolist(), scores.tolist(), lowest, NMS_THRESHOLD)
        kept = np.asarray(kept, dtype=int).ravel()
        found.append(np.c_[np.full(len(kept), label), scores[kept], boxes[kept]])
    return np.concatenate(found).astype(np.float32)
