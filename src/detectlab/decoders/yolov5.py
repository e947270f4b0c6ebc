"""YOLOv5, v6 and v7, and decoded YOLOX: boxes in pixels, an objectness, a score of each class."""

from detectlab.decoders.base import (
    Boxes,
    Decoder,
    Outputs,
    corners,
    only_output,
    with_best_class,
)
from detectlab.vision.fitting import Fitting


class YOLOv5(Decoder):
    """`(1, N, 5 + classes)`: centre, size, objectness and a score of each class."""

    name = "yolov5"
    shapes = "(1, N, 5 + classes)"
    # The second is of YOLOX, exported with `--decode_in_inference`.
    fittings = (Fitting("centre"), Fitting("top-left", "bgr", scale=1.0))

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`."""
        rows = only_output(outputs, 3)
        return rows.shape[1] - 5 if rows is not None and rows.shape[1] > 5 else None

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes, see `Decoder.boxes`: a score is multiplied with the objectness."""
        rows = only_output(outputs, 3)
        assert rows is not None
        # No score is above its row's objectness, so nearly all rows go before anything is computed.
        rows = rows[rows[:, 4] > confidence]
        return with_best_class(corners(rows[:, :4]), rows[:, 5:] * rows[:, 4:5])
