"""FastestDet (dog-qiuqiu/FastestDet): one map of cells, a box for each."""

import numpy as np

from detectlab.decoders.base import Boxes, Decoder, Outputs, corners, only_output, with_best_class
from detectlab.vision.fitting import Fitting


class FastestDet(Decoder):
    """`(1, 5 + classes, rows, columns)`: objectness, offsets, sizes and a score of each class."""

    name = "fastestdet"
    shapes = "(1, 5 + classes, rows, columns)"
    fittings = (Fitting("squeeze", "bgr"),)

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`."""
        cells = only_output(outputs, 4)
        return len(cells) - 5 if cells is not None and len(cells) > 5 else None

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
