"""How two answers about one picture differ."""

from dataclasses import dataclass

import numpy as np

from detectlab.vision.boxes import box_iou
from detectlab.vision.detections import Detections
from detectlab.vision.metrics import match


@dataclass(frozen=True)
class DetectionDiff:
    """The differences between a baseline and another answer.

    Attributes:
        matched: Objects in both: the same class, boxes that overlap enough.
        missed: Objects in the baseline only.
        extra: Objects in the other answer only.
        confidence_shift: Mean change of confidence of matched objects; 0 when none is matched.
        iou: Mean IoU of matched boxes; 0 when none is matched.
    """

    matched: int
    missed: int
    extra: int
    confidence_shift: float
    iou: float

    @property
    def agreement(self) -> float:
        """The F1 score of one answer against the other: 0 (nothing in common) to 1 (the same)."""
        all_objects = 2 * self.matched + self.missed + self.extra
        return 2 * self.matched / all_objects if all_objects else 1.0

    @property
    def agrees(self) -> bool:
        """Whether both have the same objects."""
        return not (self.missed or self.extra)


def diff_detections(baseline: Detections, other: Detections) -> DetectionDiff:
    """How another answer differs from a baseline.

    Args:
        baseline: The answer to compare with.
        other: The answer that is compared.
    """
    pairs = match(baseline, other)
    rows, columns = [row for row, _ in pairs], [column for _, column in pairs]
    shift = other.confidence[columns] - baseline.confidence[rows]
    ious = [box_iou(baseline.xyxy[[r]], other.xyxy[[c]])[0, 0] for r, c in pairs]
    return DetectionDiff(
        matched=len(pairs),
        missed=len(baseline) - len(pairs),
        extra=len(other) - len(pairs),
        confidence_shift=float(shift.mean()) if pairs else 0.0,
        iou=float(np.mean(ious)) if pairs else 0.0,
    )
