"""YOLOv8 and later, and YOLOv5u: boxes in pixels of the input, a score of each class."""

from detectlab.decoders.base import (
    Boxes,
    Decoder,
    Outputs,
    corners,
    only_output,
    with_best_class,
)
from detectlab.vision.fitting import Fitting


class YOLOv8(Decoder):
    """`(1, 4 + classes, N)`: centre, size and a score of each class."""

    name = "yolov8"
    shapes = "(1, 4 + classes, N)"
    fittings = (Fitting("centre"),)

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Count its classes; see `Decoder.count_classes`."""
        columns = only_output(outputs, 3)
        return len(columns) - 4 if columns is not None and len(columns) > 4 else None

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read its boxes; see `Decoder.boxes`."""
        columns = only_output(outputs, 3)
        assert columns is not None
        return with_best_class(corners(columns[:4].T), columns[4:].T)
