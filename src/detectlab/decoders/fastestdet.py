"""FastestDet (dog-qiuqiu/FastestDet): one map of cells, a box for each."""

import numpy as np

from detectlab.decoders.base import Boxes, Decoder, Outputs, corners, only_output, with_best_class
from detectlab.decoders.grid import count_cells
from detectlab.vision.fitting import Fitting

_STRIDE = 16


class FastestDet(Decoder):
    """`(1, 5 + classes, rows, columns)`: objectness, offsets, sizes and a score of each class."""

    name = "fastestdet"
    shapes = "(1, 5 + classes, rows, columns)"
    fittings = (Fitting("squeeze", "bgr"),)

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`."""
        cells = only_output(outputs, 4)
        if cells is None or len(cells) <= 5 or [cells[0].size] != count_cells(input_wh, (_STRIDE,)):
            return None
        return len(cells) - 5

    def flaw(self, outputs: Outputs, input_wh: tuple[int, int]) -> str:
        """Tell it from other maps, such as those of segmentation; see `Decoder.flaw`."""
        cells = only_output(outputs, 4)
        assert cells is not None
        is_one = np.isclose(cells[5:].sum(axis=0), 1, atol=1e-2).all()
        return "" if is_one else "its cells' class scores do not add up to 1"

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`.

        A score is the geometric mean of objectness and class, weighted 0.6 to 0.4.
        """
        cells = only_output(outputs, 4)
        assert cells is not None
        lines, columns = cells.shape[1:]
        x, y = np.meshgrid(np.arange(columns), np.arange(lines))
        with np.errstate(over="ignore", invalid="ignore"):
            scores = np.maximum(cells[:1], 0) ** 0.6 * np.maximum(cells[5:], 0) ** 0.4
            sizes = 1 / (1 + np.exp(-cells[3:5]))
        centres = (x + np.tanh(cells[1])) / columns, (y + np.tanh(cells[2])) / lines
        xywh = np.stack([*centres, *sizes], axis=-1).reshape(-1, 4)
        boxes = corners(xywh) * np.tile(input_wh, 2)
        return with_best_class(boxes, scores.reshape(len(scores), -1).T.astype(np.float32))
