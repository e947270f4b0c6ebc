"""NanoDet and PicoDet: distances from a cell's centre to a box's sides, as distributions.

Li et al., "Generalized Focal Loss", https://arxiv.org/abs/2006.04388, for the distributions;
NanoDet is of RangiLyu/nanodet, PicoDet of PaddleDetection, https://arxiv.org/abs/2111.00902.
"""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectlab.decoders.base import Boxes, Decoder, Outputs, only_output, with_best_class
from detectlab.decoders.grid import STRIDES, STRIDES_WITH_64, count_cells, make_cells
from detectlab.vision.fitting import IMAGENET_DEVIATION, IMAGENET_MEAN, Fitting

BINS = 8
_DISTANCES = 4 * BINS
_BGR_255 = Fitting(
    "top-left",
    "bgr",
    scale=1.0,
    mean=(103.53, 116.28, 123.675),
    deviation=(57.375, 57.12, 58.395),
)

Levels = list[tuple[NDArray[Any], NDArray[Any]]]


class NanoDet(Decoder):
    """For each stride scores `(1, n, classes)` and distances `(1, n, 32)`."""

    name: ClassVar[str] = "nanodet"
    shapes: ClassVar[str] = "(1, n, classes) and (1, n, 32) for strides 8, 16 and 32"
    fittings: ClassVar[tuple[Fitting, ...]] = (_BGR_255,)
    strides: ClassVar[tuple[int, ...]] = STRIDES
    # A cell's centre: (cell + in_cells) * stride + in_pixels
    in_cells: ClassVar[float] = 0.5
    in_pixels: ClassVar[float] = -0.5

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`."""
        levels = self._levels(outputs, input_wh)
        counts = {scores.shape[1] for scores, _ in levels}
        return counts.pop() if len(counts) == 1 else None

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`."""
        levels = self._levels(outputs, input_wh)
        scores = np.concatenate([scores for scores, _ in levels])
        distances = np.concatenate([distances for _, distances in levels])
        cells, sides = make_cells(input_wh, self.strides)
        likely = scores.max(axis=1) > confidence
        scores, distances = scores[likely], distances[likely].reshape(-1, 4, BINS)
        cells, sides = cells[likely], sides[likely]
        parts = np.exp(distances - distances.max(axis=2, keepdims=True))
        reach = parts / parts.sum(axis=2, keepdims=True) @ np.arange(BINS, dtype=np.float32) * sides
        centre = (cells + self.in_cells) * sides + self.in_pixels
        return with_best_class(np.hstack([centre - reach[:, :2], centre + reach[:, 2:]]), scores)

    def _levels(self, outputs: Outputs, input_wh: tuple[int, int]) -> Levels:
        """Scores and distances of each stride; empty when the outputs are others."""
        levels: Levels = []
        arrays = [output for output in outputs.values() if output.ndim == 3 and len(output) == 1]
        if len(arrays) != 2 * len(self.strides) or len(outputs) != len(arrays):
            return []
        for count in count_cells(input_wh, self.strides):
            pair = [output[0] for output in arrays if output.shape[1] == count]
            pair.sort(key=lambda output: output.shape[1] == _DISTANCES)
            if len(pair) != 2 or [len(part[0]) == _DISTANCES for part in pair] != [False, True]:
                return []
            levels.append((pair[0], pair[1]))
        return levels


class NanoDetPlus(NanoDet):
    """One output `(1, N, classes + 32)` for strides 8, 16, 32 and 64."""

    name = "nanodet-plus"
    shapes = "(1, N, classes + 32), N cells of strides 8, 16, 32 and 64"
    fittings = (_BGR_255,)
    strides = STRIDES_WITH_64
    in_cells, in_pixels = 0.0, 0.0

    def _levels(self, outputs: Outputs, input_wh: tuple[int, int]) -> Levels:
        rows = only_output(outputs, 3)
        if rows is None or rows.shape[1] <= _DISTANCES:
            return []
        if len(rows) != sum(count_cells(input_wh, self.strides)):
            return []
        return [(rows[:, :-_DISTANCES], rows[:, -_DISTANCES:])]


class PicoDet(NanoDet):
    """For each stride scores `(1, n, classes)` and distances `(1, n, 32)`, up to stride 64."""

    name = "picodet"
    shapes = "(1, n, classes) and (1, n, 32) for strides 8, 16, 32 and 64"
    fittings = (Fitting("squeeze", "rgb", mean=IMAGENET_MEAN, deviation=IMAGENET_DEVIATION),)
    strides = STRIDES_WITH_64
    in_cells, in_pixels = 0.5, 0.0
