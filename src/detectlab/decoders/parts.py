"""Boxes, scores and labels in outputs of their own, told apart by shape and name."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectlab.decoders.base import Boxes, Outputs


def boxes_and_scores(outputs: Outputs) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """`(N, 4)` boxes and `(N, classes)` scores, when two outputs are that.

    Where both have four columns, the boxes are the output whose name says so.
    """
    arrays = {name: output[0] for name, output in outputs.items() if output.ndim == 3}
    if len(arrays) != 2 or len(outputs) != 2:
        return None
    named = sorted(arrays, key=lambda name: (arrays[name].shape[1] != 4, "box" not in name.lower()))
    boxes, scores = (arrays[name] for name in named)
    if scores.shape[1] == len(boxes) != len(scores):  # PaddleDetection without its NMS
        scores = scores.T
    if boxes.shape[1] != 4 or len(boxes) != len(scores):
        return None
    return boxes, scores


def finished(outputs: Outputs) -> Boxes | None:
    """Boxes with a score and a label each, when three outputs are that.

    Labels are the output of integers, or the one whose name says so.
    """
    arrays = dict(outputs)
    boxes = [name for name, output in arrays.items() if output.ndim > 1 and output.shape[-1] == 4]
    if len(arrays) != 3 or len(boxes) != 1:
        return None
    xyxy = arrays.pop(boxes[0]).reshape(-1, 4)
    if any(output.size != len(xyxy) for output in arrays.values()):
        return None
    named = sorted(arrays, key=lambda name: _is_label(name, arrays[name]))
    scores, labels = (arrays[name].reshape(-1) for name in named)
    if not _is_label(named[1], arrays[named[1]]) or _is_label(named[0], arrays[named[0]]):
        return None
    return Boxes(xyxy.astype(np.float64), scores.astype(np.float32), labels.astype(np.intp))


def _is_label(name: str, output: NDArray[Any]) -> bool:
    return output.dtype.kind in "iu" or "label" in name.lower() or "class" in name.lower()
