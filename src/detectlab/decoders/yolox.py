"""YOLOX: offsets in cells and logarithms of sizes, an objectness, a score of each class.

Ge et al., "YOLOX: Exceeding YOLO Series in 2021", https://arxiv.org/abs/2107.08430.
"""

import numpy as np

from detectlab.decoders.base import (
    Boxes,
    Decoder,
    Outputs,
    corners,
    only_output,
    with_best_class,
)
from detectlab.decoders.grid import STRIDES, STRIDES_WITH_64, count_cells, make_cells
from detectlab.vision.fitting import IMAGENET_DEVIATION, IMAGENET_MEAN, Fitting


class YOLOX(Decoder):
    """`(1, N, 5 + classes)` with a row for each cell of strides 8, 16 and 32 (and 64)."""

    name = "yolox"
    shapes = "(1, N, 5 + classes), N cells of strides 8, 16 and 32 (and 64)"
    fittings = (
        Fitting("top-left", "bgr", scale=1.0),
        # Files of versions before 0.1.1.
        Fitting("top-left", "rgb", mean=IMAGENET_MEAN, deviation=IMAGENET_DEVIATION),
    )

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`."""
        rows = only_output(outputs, 3)
        if rows is None or rows.shape[1] < 6 or not _strides(len(rows), input_wh):
            return None
        return int(rows.shape[1]) - 5

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes, see `Decoder.boxes`: a score is multiplied with the objectness."""
        rows = only_output(outputs, 3)
        assert rows is not None
        cells, sides = make_cells(input_wh, _strides(len(rows), input_wh))
        likely = rows[:, 4] > confidence
        rows, cells, sides = rows[likely], cells[likely], sides[likely]
        with np.errstate(over="ignore"):
            xywh = np.hstack([(rows[:, :2] + cells) * sides, np.exp(rows[:, 2:4]) * sides])
        return with_best_class(corners(xywh), rows[:, 5:] * rows[:, 4:5])


def _strides(rows: int, input_wh: tuple[int, int]) -> tuple[int, ...]:
    """The strides whose cells are as many as the rows; empty when none are."""
    fitting = (s for s in (STRIDES, STRIDES_WITH_64) if sum(count_cells(input_wh, s)) == rows)
    return next(fitting, ())
