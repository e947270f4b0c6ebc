"""Agreement of two sets of boxes: matching at IoU 0.5, and average precision (AP50)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectlab.vision.boxes import box_iou
from detectlab.vision.detections import Detections

IOU_THRESHOLD = 0.5
IGNORE = -1  # class of ignored regions: detections there are neither true nor false positives

Found = NDArray[np.float32]  # (N, 6): class, score, x_min, y_min, x_max, y_max
Truth = NDArray[np.float32]  # (N, 5): class or -1, x_min, y_min, x_max, y_max


def match(
    baseline: Detections, other: Detections, *, min_iou: float = IOU_THRESHOLD
) -> list[tuple[int, int]]:
    """Match objects of the same class, greedily by IoU.

    Args:
        baseline: One result.
        other: The other result. Classes are compared by name, since the detectors may differ.
        min_iou: Minimum IoU of a pair, in `(0, 1]`.

    Returns:
        Pairs of indices `(baseline, other)`, the largest IoU first.
    """
    same_class = np.array(baseline.labels, dtype=object)[:, None] == np.array(
        other.labels, dtype=object
    )
    overlap = np.where(same_class, box_iou(baseline.xyxy, other.xyxy), 0.0)
    pairs: list[tuple[int, int]] = []
    # Each object is matched once, so the best pair removes its row and its column.
    while overlap.size and overlap.max() >= min_iou:
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        pairs.append((int(row), int(column)))
        overlap[row, :] = overlap[:, column] = 0.0
    return pairs


def average_precision(
    found: Sequence[Found], truth: Sequence[Truth], label: int
) -> tuple[float, int]:
    """Area under the precision-recall curve of one class, and its number of objects.

    Of several detections of one object the most confident is a true positive, and the others are
    false positives. The precision at a recall is the maximum at that recall or above, as in PASCAL
    VOC 2010 and later.

    Args:
        found: Detections of each picture: class, score, corners. Corners are in pixels or relative
            to the picture, the same as in `truth`.
        truth: Ground truth of each picture in the same order: class or `IGNORE`, corners.
        label: The class.

    Returns:
        AP50 in `[0, 1]` (nan without objects), and the number of objects.

    >>> there = np.array([[0, 0, 0, 2, 2]], np.float32)
    >>> average_precision([np.array([[0, 0.9, 0, 0, 2, 2]], np.float32)], [there], 0)
    (1.0, 1)
    """
    verdicts: list[tuple[float, bool]] = []
    total = 0
    for rows, boxes in zip(found, truth, strict=True):
        objects = boxes[boxes[:, 0] == label]
        total += len(objects)
        verdicts += _judge(rows[rows[:, 0] == label], objects, boxes[boxes[:, 0] == IGNORE])
    if not total:
        return float("nan"), 0
    verdicts.sort(key=lambda verdict: -verdict[0])
    right = np.cumsum([hit for _, hit in verdicts])
    precision = right / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(np.concatenate([[0], right])) / total
    return float((precision * steps).sum()), total


def _judge(found: Found, objects: Truth, regions: Truth) -> list[tuple[float, bool]]:
    """`(score, is_true_positive)` of one class in one picture, without hits on ignored regions."""
    taken, verdicts = np.zeros(len(objects), bool), []
    for row in found[np.argsort(-found[:, 1], kind="stable")]:
        overlaps = box_iou(row[None, 2:], objects[:, 1:])[0] * ~taken
        if len(objects) and overlaps.max() >= IOU_THRESHOLD:
            taken[overlaps.argmax()] = True
            verdicts.append((float(row[1]), True))
        elif not (box_iou(row[None, 2:], regions[:, 1:]) >= IOU_THRESHOLD).any():
            verdicts.append((float(row[1]), False))
    return verdicts
