"""YOLO exports that choose among their boxes by themselves (YOLOv10, v7 and v8 with NMS)."""

import numpy as np

from detectlab.decoders.base import Boxes, Decoder, Outputs, only_output
from detectlab.vision.fitting import Fitting


class EndToEnd(Decoder):
    """`(1, N, 6)`: corners in pixels of the input, score and class."""

    name = "end-to-end"
    shapes = "(1, N, 6) corners, score and class"
    fittings = (Fitting("centre"),)
    suppresses = False

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`. It is 0: shapes do not tell."""
        rows = only_output(outputs, 3)
        return 0 if rows is not None and rows.shape[1] == 6 else None

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`."""
        rows = only_output(outputs, 3)
        assert rows is not None
        rows = rows[np.isfinite(rows).all(axis=1) & (rows[:, 4] > max(confidence, 0))]
        return Boxes(rows[:, :4].astype(np.float64), rows[:, 4], rows[:, 5].astype(np.intp))
