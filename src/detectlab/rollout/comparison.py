"""How two answers about one picture differ."""

from dataclasses import dataclass

import numpy as np

from detectlab.boxes import box_iou
from detectlab.detections import Detections

MIN_IOU = 0.5


@dataclass(frozen=True)
class Comparison:
    """The differences between a baseline and another answer.

    Attributes:
        matched: Objects that both have: the same class, boxes that overlap enough.
        missed: Objects that only the baseline has.
        extra: Objects that only the other one has.
        confidence_shift: How much more confident the other one is about matched objects, on
            average; 0 when none is matched.
        iou: Average IoU of matched boxes; 0 when none is matched.
    """

    matched: int
    missed: int
    extra: int
    confidence_shift: float
    iou: float

    @property
    def agreement(self) -> float:
        """From 0, nothing in common, to 1, the same objects: twice the matched over all."""
        all_objects = 2 * self.matched + self.missed + self.extra
        return 2 * self.matched / all_objects if all_objects else 1.0

    @property
    def agrees(self) -> bool:
        """Whether both have the same objects."""
        return not (self.missed or self.extra)


def match(
    baseline: Detections, other: Detections, min_iou: float = MIN_IOU
) -> list[tuple[int, int]]:
    """Pairs of objects, by their indices, that are of the same class and overlap enough.

    Args:
        baseline: One answer.
        other: The other one; it may know other classes, so names count, not numbers.
        min_iou: Boxes that overlap less are different objects, in `(0, 1]`.
    """
    same_class = np.array(baseline.labels, dtype=object)[:, None] == np.array(
        other.labels, dtype=object
    )
    overlap = np.where(same_class, box_iou(baseline.xyxy, other.xyxy), 0.0)
    pairs: list[tuple[int, int]] = []
    # Each object is matched once: the best pair goes first and takes its row and column along.
    while overlap.size and overlap.max() >= min_iou:
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        pairs.append((int(row), int(column)))
        overlap[row, :] = overlap[:, column] = 0.0
    return pairs


def compare(baseline: Detections, other: Detections) -> Comparison:
    """How another answer differs from a baseline."""
    pairs = match(baseline, other)
    rows, columns = [row for row, _ in pairs], [column for _, column in pairs]
    shift = other.confidence[columns] - baseline.confidence[rows]
    ious = [box_iou(baseline.xyxy[[r]], other.xyxy[[c]])[0, 0] for r, c in pairs]
    return Comparison(
        matched=len(pairs),
        missed=len(baseline) - len(pairs),
        extra=len(other) - len(pairs),
        confidence_shift=float(shift.mean()) if pairs else 0.0,
        iou=float(np.mean(ious)) if pairs else 0.0,
    )
