"""Exports that choose among their boxes by themselves: a row for each object."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectlab.decoders.base import Boxes, Decoder, Outputs
from detectlab.vision.fitting import IMAGENET_DEVIATION, IMAGENET_MEAN, Fitting

_BGR_MEAN, _BGR_DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)
_RGB_MEAN, _RGB_DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


class EndToEnd(Decoder):
    """`(1, N, 6)`: corners in pixels of the input, score and class (YOLOv10, v8 with NMS)."""

    name: ClassVar[str] = "end-to-end"
    shapes: ClassVar[str] = "(1, N, 6) corners, score and class"
    fittings: ClassVar[tuple[Fitting, ...]] = (Fitting("centre"),)
    suppresses = False
    columns: ClassVar[int] = 6
    left: ClassVar[int] = 0  # the column of the left side, before the other three
    score: ClassVar[int] = 4
    label: ClassVar[int] = 5

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`. It is 0: shapes do not tell."""
        return None if self._rows(outputs) is None else 0

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`."""
        rows = self._rows(outputs)
        assert rows is not None
        rows = rows[np.isfinite(rows).all(axis=1) & (rows[:, self.score] > max(confidence, 0))]
        xyxy = rows[:, self.left : self.left + 4].astype(np.float64)
        return Boxes(xyxy, rows[:, self.score], rows[:, self.label].astype(np.intp))

    def _rows(self, outputs: Outputs) -> NDArray[Any] | None:
        """The one table; outputs of a single number count its rows."""
        tables = [output for output in outputs.values() if output.size != 1]
        if len(tables) != 1 or tables[0].ndim not in (2, 3):
            return None
        table = tables[0]
        if table.shape[-1] != self.columns or (table.ndim == 3 and len(table) != 1):
            return None
        return table.reshape(-1, self.columns)


class EndToEndBatch(EndToEnd):
    """`(N, 7)`: number of the picture, corners, class and score, as YOLOv7 exports it."""

    name = "end-to-end-7"
    shapes = "(N, 7) picture, corners, class and score"
    columns, left, score, label = 7, 1, 6, 5


class Paddle(EndToEnd):
    """`(N, 6)`: class, score and corners, as PaddleDetection exports PP-YOLOE and others."""

    name = "paddle"
    shapes = "(N, 6) class, score and corners"
    fittings = (
        Fitting("squeeze"),
        Fitting("squeeze", mean=IMAGENET_MEAN, deviation=IMAGENET_DEVIATION),
    )
    left, score, label = 2, 1, 0


class MMDet(Decoder):
    """`(1, N, 5)` corners and score, and `(1, N)` labels, as MMDeploy exports RTMDet and others."""

    name = "mmdet"
    shapes = "(1, N, 5) corners and score, and (1, N) labels"
    fittings = (
        Fitting("top-left", "bgr", scale=1.0, mean=_BGR_MEAN, deviation=_BGR_DEVIATION),
        Fitting("top-left", "rgb", scale=1.0, mean=_RGB_MEAN, deviation=_RGB_DEVIATION, fill=0),
        Fitting("top-left", "bgr", scale=1.0),
    )
    suppresses = False

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`. It is 0: shapes do not tell."""
        return None if self._parts(outputs) is None else 0

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`."""
        parts = self._parts(outputs)
        assert parts is not None
        rows, labels = parts
        likely = rows[:, 4] > max(confidence, 0)
        rows, labels = rows[likely], labels[likely]
        return Boxes(rows[:, :4].astype(np.float64), rows[:, 4], labels.astype(np.intp))

    def _parts(self, outputs: Outputs) -> tuple[NDArray[Any], NDArray[Any]] | None:
        if len(outputs) != 2:
            return None
        rows, labels = sorted(outputs.values(), key=lambda output: -output.ndim)
        if rows.shape[::2] != (1, 5) or rows.ndim != 3 or labels.shape != rows.shape[:2]:
            return None
        return rows[0], labels[0]
