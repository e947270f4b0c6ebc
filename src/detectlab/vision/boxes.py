"""Box arithmetic: NumPy only.

A box is `(x_min, y_min, x_max, y_max)` in pixels, the origin at the top left corner; many boxes
are an `(N, 4)` array called `xyxy`.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


def box_area(xyxy: FloatArray) -> NDArray[np.float64]:
    """Area of each box in square pixels; 0 for a box without width or height.

    Args:
        xyxy: `(N, 4)` boxes.

    Returns:
        `(N,)` areas.

    >>> box_area(np.array([[0.0, 0.0, 2.0, 3.0]]))
    array([6.])
    """
    boxes = np.asarray(xyxy, dtype=np.float64)
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    area: NDArray[np.float64] = sides[..., 0] * sides[..., 1]
    return area


def box_iou(xyxy_a: FloatArray, xyxy_b: FloatArray) -> NDArray[np.float64]:
    """Intersection over union of every box of `xyxy_a` with every box of `xyxy_b`.

    Two boxes without area count as equal (1.0), as in OpenCV's `jaccardDistance`.

    Args:
        xyxy_a: `(N, 4)` boxes.
        xyxy_b: `(M, 4)` boxes.

    Returns:
        `(N, M)` values in `[0, 1]`.

    >>> box_iou(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 3.0, 2.0]])).round(3)
    array([[0.333]])
    """
    a = np.asarray(xyxy_a, dtype=np.float64)[:, None]
    b = np.asarray(xyxy_b, dtype=np.float64)[None, :]
    overlap = np.concatenate(
        [np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])], axis=-1
    )
    intersection = box_area(overlap)
    together = box_area(a) + box_area(b)
    empty = together <= np.finfo(np.float64).eps
    union = np.where(empty, 1.0, together - intersection)
    return np.where(empty, 1.0, intersection / union)


def clip_boxes(xyxy: FloatArray, size_wh: tuple[int, int]) -> FloatArray:
    """Boxes clipped to the picture.

    Args:
        xyxy: `(N, 4)` boxes.
        size_wh: Width and height of the picture in pixels.

    Returns:
        `(N, 4)` boxes with x in `[0, width]` and y in `[0, height]`.

    >>> clip_boxes(np.array([[-5.0, 0.0, 20.0, 8.0]]), (10, 10))
    array([[ 0.,  0., 10.,  8.]])
    """
    width, height = size_wh
    return np.clip(xyxy, 0, np.array([width, height, width, height], dtype=xyxy.dtype))
