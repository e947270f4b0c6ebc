"""The outputs of YOLOv5 and of its successors, as boxes: NumPy only."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectlab.vision.boxes import non_max_suppression

Layout = Literal["yolov5", "yolov8"]

MAX_OBJECTS = 300  # as in the library that these detectors come from


class Found(NamedTuple):
    """Objects, most confident first.

    Attributes:
        xyxy: `(N, 4)` float64 boxes in pixels of the network's input.
        confidence: `(N,)` float32 in `[0, 1]`.
        class_id: `(N,)` indices of classes.
    """

    xyxy: NDArray[np.float64]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.intp]


def layout_of(shape: tuple[int, ...], classes: int) -> Layout:
    """Tell an output's layout by its shape.

    `(1, N, 5 + classes)` is YOLOv5's, `(1, 4 + classes, N)` that of YOLOv8 and later (and of
    YOLOv5u). Should both fit, it is YOLOv8's: a network has more boxes than numbers for each.

    Args:
        shape: The output's shape.
        classes: How many classes the detector knows.

    Raises:
        ValueError: When neither fits; the message says what would.
    """
    _, rows, columns = shape if len(shape) == 3 and shape[0] == 1 else (0, 0, 0)
    if rows == 4 + classes:
        return "yolov8"
    if columns == 5 + classes:
        return "yolov5"
    if not rows:
        fits = "neither is that of this output"
    elif columns == 6:
        fits = (
            "this looks like an end-to-end export: export it with `end2end=False` and `nms=False`"
        )
    elif rows < columns:
        fits = f"this output would have {rows - 4} classes"
    else:
        fits = f"this output would have {columns - 5} classes"
    raise ValueError(
        f"the network's output must have shape (1, N, {5 + classes}) as YOLOv5's or "
        f"(1, {4 + classes}, N) as YOLOv8's for {classes} classes; {fits}. Received: {shape}"
    )


def main_output(outputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """The output with the boxes: the first of three dimensions.

    Older YOLOv5 files give their raw maps as well, which have five.
    """
    arrays = outputs.values()
    return next((array for array in arrays if array.ndim == 3), next(iter(arrays)))


def find_objects(
    output: NDArray[np.float32], layout: Layout, confidence: float, nms_threshold: float
) -> Found:
    """Turn a network's output into objects.

    The score of a box is that of its best class, times its objectness where it has one. Boxes of
    the same class suppress each other.

    Args:
        output: `(1, N, 5 + classes)` or `(1, 4 + classes, N)`, as `layout` says.
        layout: Whose output it is.
        confidence: Only scores above this, in `[0, 1]`.
        nms_threshold: IoU above which the less confident box of a class goes, in `[0, 1]`.

    Returns:
        At most 300 objects.
    """
    xywh, scores = _yolov5(output[0], confidence) if layout == "yolov5" else _yolov8(output[0])
    class_id = scores.argmax(axis=1)
    best = np.minimum(scores[np.arange(len(scores)), class_id], 1.0, dtype=np.float32)
    # A network may answer infinite sides to odd pictures: such a row is no object.
    candidates = (best > confidence) & np.isfinite(xywh).all(axis=1)
    centre_xy, box_wh = np.split(xywh[candidates].astype(np.float64), 2, axis=1)
    xyxy = np.hstack([centre_xy - box_wh / 2, centre_xy + box_wh / 2])
    class_id, best = class_id[candidates], best[candidates]
    kept = non_max_suppression(
        _apart(xyxy, class_id), best, iou_threshold=nms_threshold, max_count=MAX_OBJECTS
    )
    return Found(xyxy[kept], best[kept], class_id[kept])


def _yolov5(rows: NDArray[np.float32], confidence: float) -> tuple[NDArray[np.float32], ...]:
    """Centre, size and score of each class, of the boxes that may be objects at all."""
    rows = rows[rows[:, 4] > confidence]
    return rows[:, :4], rows[:, 5:] * rows[:, 4:5]


def _yolov8(columns: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """Centre, size and score of each class."""
    return columns[:4].T, columns[4:].T


def _apart(xyxy: NDArray[np.float64], class_id: NDArray[np.intp]) -> NDArray[np.float64]:
    """Boxes moved so that those of different classes cannot meet."""
    span = np.ptp(xyxy) + 1 if len(xyxy) else 0.0
    moved: NDArray[np.float64] = xyxy + (class_id * span)[:, None]
    return moved
