"""Boxes and scores in two outputs, as SSD and its kin give them.

Liu et al., "SSD: Single Shot MultiBox Detector", https://arxiv.org/abs/1512.02325.
"""

import numpy as np

from detectlab.decoders.base import Boxes, Decoder, Outputs, with_best_class
from detectlab.decoders.parts import boxes_and_scores, finished
from detectlab.vision.fitting import Fitting

_HALF_RANGE = Fitting("squeeze", scale=1.0, mean=(127.0,) * 3, deviation=(128.0,) * 3)


class SSD(Decoder):
    """Scores `(1, N, 1 + classes)`, background first; corners `(1, N, 4)` from 0 to 1."""

    name = "ssd"
    shapes = "(1, N, 1 + classes) scores and (1, N, 4) boxes"
    fittings = (_HALF_RANGE, Fitting("squeeze"))

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`."""
        parts = boxes_and_scores(outputs)
        return parts[1].shape[1] - 1 if parts and parts[1].shape[1] > 1 else None

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`."""
        parts = boxes_and_scores(outputs)
        assert parts is not None
        boxes, scores = parts
        return with_best_class(boxes * np.tile(input_wh, 2), scores[:, 1:])


class BoxesInPixels(Decoder):
    """Scores `(1, N, classes)`; corners `(1, N, 4)` in pixels of the input, as YOLO-NAS exports."""

    name = "boxes-scores"
    shapes = "(1, N, classes) scores and (1, N, 4) boxes in pixels"
    fittings = (Fitting("top-left"), Fitting("squeeze"), Fitting("centre"))

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`."""
        parts = boxes_and_scores(outputs)
        return parts[1].shape[1] if parts else None

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`."""
        parts = boxes_and_scores(outputs)
        assert parts is not None
        return with_best_class(*parts)


class TorchVision(Decoder):
    """Finished boxes in pixels as torchvision exports them; label 0 is the background."""

    name = "torchvision"
    shapes = "(N) labels, (N) scores and (N, 4) boxes"
    fittings = (Fitting("squeeze"),)
    suppresses = False

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`. It is 0: shapes do not tell."""
        has_batch = any(output.ndim == 3 for output in outputs.values())
        return 0 if finished(outputs) and not has_batch else None

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`."""
        parts = finished(outputs)
        assert parts is not None
        objects = parts.class_id > 0
        return Boxes(parts.xyxy[objects], parts.confidence[objects], parts.class_id[objects] - 1)

    def flaw(self, outputs: Outputs, input_wh: tuple[int, int]) -> str:
        """Tell it from labels that count from 0; see `Decoder.flaw`."""
        parts = finished(outputs)
        assert parts is not None
        is_first = (parts.class_id == 0) & (parts.confidence > 0.5)
        return "it finds objects of class 0, its background" if is_first.any() else ""
