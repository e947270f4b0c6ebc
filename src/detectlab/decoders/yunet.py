"""YuNet (ShiqiYu/libfacedetection): faces, with outputs of their own for each stride."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectlab.decoders.base import Boxes, Decoder, Outputs, corners
from detectlab.decoders.grid import STRIDES, count_cells, make_cells
from detectlab.vision.fitting import Fitting


class YuNet(Decoder):
    """`cls_S`, `obj_S` `(1, n, 1)` and `bbox_S` `(1, n, 4)` for strides S of 8, 16 and 32."""

    name = "yunet"
    shapes = "cls_S, obj_S (1, n, 1) and bbox_S (1, n, 4) for strides S of 8, 16 and 32"
    fittings = (Fitting("top-left", "bgr", scale=1.0, fill=0),)

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`."""
        for stride, count in zip(STRIDES, count_cells(input_wh, STRIDES), strict=True):
            for part, width in (("cls", 1), ("obj", 1), ("bbox", 4)):
                output = outputs.get(f"{part}_{stride}")
                if output is None or output.shape != (1, count, width):
                    return None
        return 1

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`.

        A score is the geometric mean of class and objectness.
        """

        def joined(part: str) -> NDArray[Any]:
            return np.concatenate([outputs[f"{part}_{stride}"][0] for stride in STRIDES])

        cells, sides = make_cells(input_wh, STRIDES)
        boxes, scores = joined("bbox"), np.sqrt(np.maximum(joined("cls") * joined("obj"), 0))
        with np.errstate(over="ignore"):
            xywh = np.hstack([(cells + boxes[:, :2]) * sides, np.exp(boxes[:, 2:]) * sides])
        return Boxes(corners(xywh), scores[:, 0], np.zeros(len(scores), np.intp))
