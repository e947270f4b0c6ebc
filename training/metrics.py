"""Average precision at IoU 0.5, with regions that count neither way."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data import IGNORE, Boxes

IOU_THRESHOLD = 0.5
NMS_THRESHOLD = 0.45
LOWEST_SCORE = 0.01

Rows = NDArray[np.float32]  # (N, 4 + classes): x_min, y_min, x_max, y_max from 0 to 1, scores
Found = NDArray[np.float32]  # (N, 6): class, score, x_min, y_min, x_max, y_max


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


def _overlaps(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    inner = (np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])).clip(0)
    shared = inner.prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return shared / np.maximum(areas - shared, 1e-9)


def _judge(found: Found, objects: Boxes, regions: Boxes) -> list[tuple[float, bool]]:
    """Gives (score, right?) for one class in one picture, leaving out hits on ignored regions."""
    taken, verdicts = np.zeros(len(objects), bool), []
    for row in found[np.argsort(-found[:, 1])]:
        overlaps = _overlaps(row[2:], objects[:, 1:]) * ~taken
        if len(objects) and overlaps.max() >= IOU_THRESHOLD:
            taken[overlaps.argmax()] = True
            verdicts.append((float(row[1]), True))
        elif not (len(regions) and _overlaps(row[2:], regions[:, 1:]).max() >= IOU_THRESHOLD):
            verdicts.append((float(row[1]), False))
    return verdicts


def average_precision(
    found: Sequence[Found], truth: Sequence[Boxes], label: int
) -> tuple[float, int]:
    """Gives the area under the precision-recall curve of one class, and how many objects it has.

    Args:
        found: Detections picture by picture, as `suppress` gives them.
        truth: What is there, in the same order: class or -1 (ignored), corners.
        label: The class.

    Returns:
        AP50 from 0 to 1 (nan without objects), and the number of objects.
    """
    verdicts, total = [], 0
    for rows, boxes in zip(found, truth, strict=True):
        objects = boxes[boxes[:, 0] == label]
        total += len(objects)
        verdicts += _judge(rows[rows[:, 0] == label], objects, boxes[boxes[:, 0] == IGNORE])
    if not total:
        return float("nan"), 0
    verdicts.sort(key=lambda verdict: -verdict[0])
    right = np.cumsum([hit for _, hit in verdicts])
    precision = right / np.arange(1, len(right) + 1)
    # Precision at a recall is the best that is reached at this recall or beyond.
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(np.concatenate([[0], right])) / total
    return float((precision * steps).sum()), total


def ignore_tiny(boxes: Boxes, smallest: float) -> Boxes:
    """Gives the boxes with those narrower or lower than `smallest` (a share) turned to ignored."""
    boxes = boxes.copy()
    boxes[(boxes[:, 3:] - boxes[:, 1:3]).min(axis=1) < smallest, 0] = IGNORE
    return boxes
