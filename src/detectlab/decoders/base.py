"""What a decoder does, and the steps that most of them share."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectlab.vision.fitting import Fitting
from detectlab.vision.letterbox import Letterbox
from detectlab.vision.suppression import non_max_suppression

Outputs = Mapping[str, NDArray[Any]]

MAX_OBJECTS = 300  # as in the library of YOLOv5 and its successors


class Boxes(NamedTuple):
    """Boxes with their best classes.

    Attributes:
        xyxy: `(N, 4)` float64.
        confidence: `(N,)` float32, the score of the best class.
        class_id: `(N,)` index of the best class.
    """

    xyxy: NDArray[np.float64]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.intp]


class Decoder(ABC):
    """Turns the outputs of one kind of network into objects; it has no state.

    Attributes:
        name: The name that cards and commands use.
        shapes: The shapes of its outputs in words, for messages.
        fittings: The ways in which pictures are fitted into such networks, the usual one first.
        suppresses: Whether boxes of one class that overlap suppress each other.
    """

    name: ClassVar[str]
    shapes: ClassVar[str]
    fittings: ClassVar[tuple[Fitting, ...]]
    suppresses: ClassVar[bool] = True

    @abstractmethod
    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        """Tell by their shapes whether outputs belong to this decoder.

        Args:
            outputs: A network's outputs, as `Engine.run` gives them.
            input_wh: Width and height of the network's input in pixels.

        Returns:
            The number of classes of such a network; `None` when these are no outputs of one.
        """

    @abstractmethod
    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        """Read the network's boxes.

        Args:
            outputs: As for `count_classes`, which gave a number for them.
            input_wh: Width and height of the network's input in pixels.
            confidence: Boxes that cannot exceed this score may be left out.

        Returns:
            The boxes in pixels of the input, in any order.
        """

    def flaw(self, outputs: Outputs, input_wh: tuple[int, int]) -> str:
        """What speaks against these outputs, in words; empty when nothing does.

        Args:
            outputs: As for `boxes`.
            input_wh: Width and height of the network's input in pixels.
        """
        return ""

    def decode(
        self, outputs: Outputs, letterbox: Letterbox, *, confidence: float, nms_threshold: float
    ) -> Boxes:
        """Find the objects among the network's boxes.

        Args:
            outputs: As for `boxes`.
            letterbox: The picture's place in the network's input.
            confidence: Only scores above this, in `[0, 1]`; a hair above 1 counts as 1.
            nms_threshold: IoU above which the less confident of two boxes goes, in `[0, 1]`.

        Returns:
            At most 300 objects, most confident first, in pixels of the picture and clipped to it.
        """
        xyxy, scores, class_id = self.boxes(outputs, letterbox.input_wh, confidence)
        scores = np.minimum(scores, 1.0, dtype=np.float32)
        # A network may answer infinite sides to odd pictures: such a row is no object.
        sound = (scores > confidence) & np.isfinite(xyxy).all(axis=1)
        xyxy, scores, class_id = xyxy[sound], scores[sound], class_id[sound]
        if self.suppresses:
            kept = non_max_suppression(
                _apart(xyxy, class_id), scores, iou_threshold=nms_threshold, max_count=MAX_OBJECTS
            )
        else:
            kept = np.argsort(-scores, kind="stable")[:MAX_OBJECTS]
        placed = np.asarray(letterbox.to_picture(xyxy[kept]), np.float64)
        return Boxes(placed, scores[kept], class_id[kept])


def only_output(outputs: Outputs, dimensions: int) -> NDArray[np.float32] | None:
    """The one output with so many dimensions, without its batch axis.

    Older YOLOv5 files give their raw maps as well, which have five dimensions.

    Args:
        outputs: A network's outputs.
        dimensions: How many dimensions it has, with the batch axis.

    Returns:
        The array; `None` when there are none or several such outputs.
    """
    found = [output for output in outputs.values() if output.ndim == dimensions]
    return found[0][0] if len(found) == 1 and len(found[0]) == 1 else None


def corners(xywh: NDArray[np.floating]) -> NDArray[np.float64]:
    """`(N, 4)` centres and sizes as `(N, 4)` corners."""
    centre_xy, box_wh = np.split(xywh.astype(np.float64), 2, axis=1)
    return np.hstack([centre_xy - box_wh / 2, centre_xy + box_wh / 2])


def with_best_class(xyxy: NDArray[np.floating], scores: NDArray[np.float32]) -> Boxes:
    """Boxes with the best class of each.

    Args:
        xyxy: `(N, 4)` boxes.
        scores: `(N, classes)` scores.
    """
    class_id = scores.argmax(axis=1)
    return Boxes(xyxy.astype(np.float64), scores[np.arange(len(scores)), class_id], class_id)


def _apart(xyxy: NDArray[np.float64], class_id: NDArray[np.intp]) -> NDArray[np.float64]:
    """Boxes moved so that those of different classes cannot meet."""
    span = np.ptp(xyxy) + 1 if len(xyxy) else 0.0
    moved: NDArray[np.float64] = xyxy + (class_id * span)[:, None]
    return moved
