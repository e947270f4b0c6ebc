"""Evidence that boxes are read rightly: they follow the objects when the picture is changed.

Convolutional networks are nearly equivariant: where a picture is shifted, mirrored or scaled, right
boxes are, too. Boxes of a wrong decoder stay where they are, or are nowhere.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.decoders.base import Boxes, Decoder, Outputs
from detectlab.vision.boxes import box_area, box_iou, clip_boxes
from detectlab.vision.letterbox import Letterbox

_CELL = 64  # shifts are multiples of the largest stride, where the input is large enough
_STRONGEST, _AMONG = 8, 40  # boxes that are followed, and those among which they are looked for
_RAW = 300  # boxes that are looked at before suppression
_LEAST_AREA = 16.0  # square pixels
_NMS_THRESHOLD = 0.5
_SCORE_TOLERANCE = 1e-3
FOLLOWS, MORE_THAN_STAYS = 0.25, 0.1


class Evidence(NamedTuple):
    """How a decoder's boxes behave on pictures and their copies.

    Attributes:
        follows: Mean likeness of boxes to those where the object went, in `[0, 1]`.
        stays: Mean likeness of boxes to those where the object was before, in `[0, 1]`.
        confidence: Mean score of each picture's best box, in `[0, 1]`.
        problem: What is wrong with the outputs themselves; empty when nothing is.
    """

    follows: float = 0.0
    stays: float = 0.0
    confidence: float = 0.0
    problem: str = ""

    @property
    def is_convincing(self) -> bool:
        """Whether boxes follow what is in the pictures."""
        return not self.problem and (
            self.follows >= FOLLOWS and self.follows - self.stays >= MORE_THAN_STAYS
        )

    @property
    def reason(self) -> str:
        """What speaks against the decoder, in words."""
        if self.problem:
            return self.problem
        if self.follows <= self.stays:
            return "its boxes stay where they are when the picture moves"
        return f"its boxes follow the objects only to {self.follows:.0%}"


class View(NamedTuple):
    """A picture at the size of a network's input, and how it was made from the original.

    Attributes:
        pixels: `(height, width, 3)` uint8 BGR.
        matrix: `(2, 3)` affine map from the original's pixels.
    """

    pixels: NDArray[np.uint8]
    matrix: NDArray[np.float64]


def make_views(picture: NDArray[np.uint8], input_wh: tuple[int, int]) -> list[View]:
    """A picture at the input's size, then mirrored, shifted and scaled down.

    Args:
        picture: `(height, width, 3)` uint8 BGR, of any size.
        input_wh: Width and height of the network's input in pixels.
    """
    width, height = input_wh
    resized = np.asarray(cv2.resize(picture, input_wh, interpolation=cv2.INTER_AREA), np.uint8)
    right, up = (_shift(side) for side in input_wh)
    matrices = [
        [[1, 0, 0], [0, 1, 0]],
        [[-1, 0, width - 1], [0, 1, 0]],
        [[1, 0, right], [0, 1, -up]],
        [[0.65, 0, 0.05 * width], [0, 0.65, 0.28 * height]],
    ]
    return [
        View(_warped(resized, np.array(matrix, np.float64)), np.array(matrix, np.float64))
        for matrix in matrices
    ]


def weigh(
    decoder: Decoder,
    run: Callable[[NDArray[np.uint8]], Outputs],
    pictures: Sequence[Sequence[View]],
    input_wh: tuple[int, int],
) -> Evidence:
    """Weigh whether a decoder reads a network's outputs rightly.

    Args:
        decoder: The decoder.
        run: Runs the network on one view.
        pictures: The views of each picture, as `make_views` gives them.
        input_wh: Width and height of the network's input in pixels.
    """
    comparisons: list[_Comparison] = []
    best = []
    for views in pictures:
        found = []
        for view in views:
            outputs = run(view.pixels)
            if problem := _problem(decoder, outputs, input_wh):
                return Evidence(problem=problem)
            found.append(_strongest(decoder, outputs, input_wh))
        best.append(float(found[0].confidence.max(initial=0)))
        comparisons += [
            _compare(found[0], boxes, view.matrix, input_wh)
            for view, boxes in zip(views[1:], found[1:], strict=True)
        ]
    follows, stays, left, right, weight = map(np.concatenate, zip(*comparisons, strict=True))
    if not weight.sum() > 0:
        return Evidence(problem="it finds no box in any picture")
    mirrored = [len(one.weight) * [place % 3 == 0] for place, one in enumerate(comparisons)]
    there = weight * np.concatenate(mirrored)
    if max(left @ there, right @ there) > follows @ there:
        return Evidence(problem="its boxes lie beside the objects, as if corners were centres")
    return Evidence(
        float(np.average(follows, weights=weight)),
        float(np.average(stays, weights=weight)),
        float(np.mean(best)),
    )


class _Comparison(NamedTuple):
    """Likeness of each strong box of a picture to those of its copy, and the box's weight.

    Attributes:
        follows: To those where it went, `(N,)` in `[0, 1]`.
        stays: To those where it was, `(N,)` in `[0, 1]`.
        left: To those a box's width to the left of where it went, `(N,)` in `[0, 1]`.
        right: To those to the right, `(N,)` in `[0, 1]`.
        weight: `(N,)`.
    """

    follows: NDArray[np.float64]
    stays: NDArray[np.float64]
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    weight: NDArray[np.float64]


def _shift(side: int) -> int:
    cell = _CELL if side >= 3 * _CELL else _CELL // 2
    return cell * max(1, round(0.22 * side / cell))


def _warped(pixels: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    size_wh = pixels.shape[1], pixels.shape[0]
    grey = (114, 114, 114)
    return np.asarray(
        cv2.warpAffine(pixels, matrix, size_wh, flags=cv2.INTER_LINEAR, borderValue=grey), np.uint8
    )


def _problem(decoder: Decoder, outputs: Outputs, input_wh: tuple[int, int]) -> str:
    """What is wrong with the outputs themselves."""
    if any(not np.isfinite(output).all() for output in outputs.values()):
        return "its numbers are not all finite"
    if flaw := decoder.flaw(outputs, input_wh):
        return flaw
    scores = decoder.boxes(outputs, input_wh, -np.inf).confidence
    lowest, highest = float(scores.min(initial=0)), float(scores.max(initial=0))
    if lowest < -_SCORE_TOLERANCE or highest > 1 + _SCORE_TOLERANCE:
        return f"its scores range from {lowest:.3g} to {highest:.3g} instead of 0 to 1"
    if len(scores) > _RAW and (scores > 0.5).mean() > 0.5:
        return "most of its boxes are objects"
    return ""


def _strongest(decoder: Decoder, outputs: Outputs, input_wh: tuple[int, int]) -> Boxes:
    """The boxes with the highest scores, however low these are."""
    scores = decoder.boxes(outputs, input_wh, -np.inf).confidence
    least = float(np.partition(scores, -_RAW)[-_RAW]) if len(scores) > _RAW else 0.0
    as_it_is = Letterbox.of(input_wh, input_wh)
    found = decoder.decode(
        outputs, as_it_is, confidence=max(least, 1e-7), nms_threshold=_NMS_THRESHOLD
    )
    return Boxes(found.xyxy[:_AMONG], found.confidence[:_AMONG], found.class_id[:_AMONG])


def _compare(
    original: Boxes, changed: Boxes, matrix: NDArray[np.float64], input_wh: tuple[int, int]
) -> _Comparison:
    """Compare the strong boxes of a picture with those of its copy."""
    xyxy, score = original.xyxy[:_STRONGEST], original.confidence[:_STRONGEST]
    class_id = original.class_id[:_STRONGEST]
    moved = _moved(xyxy, matrix)
    inside = clip_boxes(moved, input_wh)
    # Objects that left the picture cannot be followed; boxes without area never are.
    is_left = (box_area(inside) < 0.9 * box_area(moved)) & (box_area(xyxy) > _LEAST_AREA)
    is_weak = score < 0.2 * score.max(initial=0)
    weight = np.where(is_left | is_weak, 0.0, score.astype(np.float64))
    if not len(changed.xyxy):
        nothing = np.zeros(len(xyxy))
        return _Comparison(nothing, nothing, nothing, nothing, weight)
    pairs = np.stack(np.broadcast_arrays(score[:, None], changed.confidence[None]))
    # A box is another's the more, the nearer their scores are: grids have boxes everywhere.
    likeness = pairs.min(axis=0) / pairs.max(axis=0)
    likeness = likeness * (class_id[:, None] == changed.class_id[None])
    is_box = box_area(xyxy) > _LEAST_AREA
    width = (moved[:, 2:3] - moved[:, :1]) * np.array([1, 0, 1, 0])
    follows, left, right = (
        (box_iou(place, changed.xyxy) * likeness).max(axis=1) * is_box
        for place in (moved, moved - width, moved + width)
    )
    stays = (box_iou(xyxy, changed.xyxy) * likeness).max(axis=1)
    return _Comparison(follows, stays, left, right, weight)


def _moved(xyxy: NDArray[np.floating], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    corners = xyxy.reshape(-1, 2) @ matrix[:, :2].T + matrix[:, 2]
    pairs = corners.reshape(-1, 2, 2)
    return np.hstack([pairs.min(axis=1), pairs.max(axis=1)])
