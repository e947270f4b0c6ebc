"""The DETR family: a fixed number of boxes that need no suppression.

Carion et al., "End-to-End Object Detection with Transformers", https://arxiv.org/abs/2005.12872.
"""

import numpy as np

from detectlab.decoders.base import Boxes, Decoder, Outputs, corners, only_output, with_best_class
from detectlab.decoders.parts import boxes_and_scores, finished
from detectlab.vision.fitting import IMAGENET_DEVIATION, IMAGENET_MEAN, Fitting

_SQUEEZED = Fitting("squeeze")
_MOST_QUERIES = 1000


class DETR(Decoder):
    """Finished boxes: `labels` and `scores` `(1, N)`, `boxes` `(1, N, 4)` as corners in pixels.

    RT-DETR, D-FINE and DEIM export it; their input `orig_target_sizes` is the network's own size.
    """

    name = "detr"
    shapes = "(1, N) labels, (1, N) scores and (1, N, 4) boxes"
    fittings = (_SQUEEZED, Fitting("squeeze", mean=IMAGENET_MEAN, deviation=IMAGENET_DEVIATION))
    suppresses = False

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`. It is 0: shapes do not tell."""
        return 0 if finished(outputs) else None

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`."""
        parts = finished(outputs)
        assert parts is not None
        return parts


class DETRLogits(Decoder):
    """Raw boxes: logits `(1, N, classes)`, and centres and sizes `(1, N, 4)` from 0 to 1."""

    name = "detr-logits"
    shapes = "(1, N, classes) logits and (1, N, 4) boxes"
    fittings = DETR.fittings
    suppresses = False

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`."""
        parts = boxes_and_scores(outputs)
        return parts[1].shape[1] if parts else None

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`."""
        parts = boxes_and_scores(outputs)
        assert parts is not None
        boxes, logits = parts
        with np.errstate(over="ignore"):
            scores = 1 / (1 + np.exp(-logits))
        return with_best_class(corners(boxes) * np.tile(input_wh, 2), scores)

    def flaw(self, outputs: Outputs, input_wh: tuple[int, int]) -> str:
        """Tell it from logits of a softmax, of which one is always high; see `Decoder.flaw`."""
        scores = self.boxes(outputs, input_wh, 0.0).confidence
        return "most of its boxes are objects" if (scores > 0.5).mean() > 0.5 else ""


class DETRSoftmax(Decoder):
    """Raw boxes: logits `(1, N, classes + 1)`, no object last, as Hugging Face exports DETR."""

    name = "detr-softmax"
    shapes = "(1, N, classes + 1) logits, no object last, and (1, N, 4) boxes"
    fittings = DETR.fittings[::-1]
    suppresses = False

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`."""
        parts = boxes_and_scores(outputs)
        return parts[1].shape[1] - 1 if parts and parts[1].shape[1] > 1 else None

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`."""
        parts = boxes_and_scores(outputs)
        assert parts is not None
        boxes, logits = parts
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores = (powers / powers.sum(axis=1, keepdims=True))[:, :-1]
        return with_best_class(corners(boxes) * np.tile(input_wh, 2), scores)

    def flaw(self, outputs: Outputs, input_wh: tuple[int, int]) -> str:
        """Tell logits from scores, which are never negative; see `Decoder.flaw`."""
        parts = boxes_and_scores(outputs)
        assert parts is not None
        return "" if parts[1].min(initial=0) < 0 else "its logits are never negative"


class DETRRows(Decoder):
    """`(1, N, 4 + classes)`: centre and size from 0 to 1, scores, as Ultralytics' RT-DETR."""

    name = "detr-rows"
    shapes = "(1, N, 4 + classes) from 0 to 1"
    fittings = (_SQUEEZED,)
    suppresses = False

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`."""
        rows = only_output(outputs, 3)
        if rows is None or rows.shape[1] <= 4 or len(rows) > _MOST_QUERIES:
            return None
        return int(rows.shape[1]) - 4

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`."""
        rows = only_output(outputs, 3)
        assert rows is not None
        return with_best_class(corners(rows[:, :4]) * np.tile(input_wh, 2), rows[:, 4:])
