"""Where labels go, so that none covers another, or much of another object.

Greedy placement over a fixed set of positions for each label, as for points on maps (Christensen,
Marks and Shieber, "An Empirical Study of Algorithms for Point-Feature Label Placement", 1995).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectlab.vision.boxes import box_area, clip_boxes

Boxes = NDArray[np.float64]
Size = tuple[int, int]

MAX_COVER = 0.15  # share of another object's box that a label may cover
_BLOCKED = 1e9  # the weight of a rectangle of which nothing may be covered
_FAR = (1.0, 2.5, 4.5, 7.0)  # distances of a moved label from its box, in heights of the label
_ALONG = (0.0, 1.0, 0.5, 0.25, 0.75)  # positions along an edge, the most usual first


class Place(NamedTuple):
    """The place of one label.

    Attributes:
        form: Index of the form of the label that fits, such as 0 for the whole text.
        xyxy: Its corners in pixels.
        is_moved: Whether it lies apart from its box, and needs a leader.
    """

    form: int
    xyxy: tuple[int, int, int, int]
    is_moved: bool


def place_labels(
    xyxy: Boxes, forms: Sequence[Sequence[Size]], *, picture_wh: Size, taken: Boxes
) -> list[Place | None]:
    """Place one label for each box.

    Small boxes choose first, since they have the fewest places. A label touches its box or lies in
    it; where that is impossible in every form, it is moved a little.

    Args:
        xyxy: `(N, 4)` boxes in pixels.
        forms: For each box the sizes `(width, height)` of its label, the preferred form first.
        picture_wh: Width and height of the picture in pixels; labels stay in it.
        taken: `(M, 4)` rectangles that labels must not touch.

    Returns:
        A place for each box, or `None` where no form fits.
    """
    boxes = np.asarray(clip_boxes(np.asarray(xyxy, np.float64), picture_wh), np.float64)
    rectangles = np.vstack([boxes, taken])
    weights = np.concatenate([_share_weights(boxes), np.full(len(taken), _BLOCKED)])
    places: list[Place | None] = [None] * len(boxes)
    for index in np.argsort(box_area(boxes), kind="stable"):
        own_weight, weights[index] = weights[index], 0.0
        place = _place(boxes[index], forms[index], picture_wh, (rectangles, weights))
        weights[index] = own_weight
        if place:
            places[index] = place
            rectangles = np.vstack([rectangles, place.xyxy])
            weights = np.append(weights, _BLOCKED)
    return places


def largest_cover(rectangles: Boxes, boxes: Boxes) -> NDArray[np.float64]:
    """The largest share of any box that each rectangle covers.

    Args:
        rectangles: `(N, 4)` rectangles.
        boxes: `(M, 4)` boxes.

    Returns:
        `(N,)` shares in `[0, 1]`.
    """
    return _largest(rectangles, boxes, _share_weights(boxes))


def _share_weights(boxes: Boxes) -> NDArray[np.float64]:
    return 1.0 / np.maximum(box_area(boxes), 1.0)


def _largest(rectangles: Boxes, others: Boxes, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest weighted overlap of each rectangle with any of the others."""
    widths, heights = (
        np.minimum(rectangles[:, None, axis + 2], others[:, axis + 2])
        - np.maximum(rectangles[:, None, axis], others[:, axis])
        for axis in (0, 1)
    )
    overlaps = np.maximum(widths, 0.0) * np.maximum(heights, 0.0) * weights
    largest: NDArray[np.float64] = overlaps.max(axis=1, initial=0.0)
    return largest


def _place(
    box: Boxes,
    forms: Sequence[Size],
    picture_wh: Size,
    others: tuple[Boxes, NDArray[np.float64]],
) -> Place | None:
    for is_moved, positions in ((False, _TOUCHING), (True, _APART)):
        for form, size_wh in enumerate(forms):
            size = np.array(size_wh, np.float64)
            limits = picture_wh - size
            if limits.min() < 0:
                continue
            free = box[2:] - box[:2] - size
            along, outside, gaps = positions
            corners = np.floor(box[:2] + along * free + outside * size + gaps * size[1])
            clipped = np.clip(corners, 0, limits)
            if is_moved:
                clipped = clipped[(clipped == corners).all(axis=1)]
            rectangles = np.hstack([clipped, clipped + size])
            covered = _largest(rectangles, *others)
            if covered.min(initial=np.inf) <= MAX_COVER:
                # Covering a little is no worse than an unusual place.
                best = rectangles[np.argmax(covered <= max(0.02, covered.min()))]
                x_min, y_min, x_max, y_max = best.astype(int).tolist()
                return Place(form, (x_min, y_min, x_max, y_max), is_moved)
    return None


# A position is a share of the length by which a box exceeds its label, a multiple of the label's
# size, and a multiple of its height, all added to the box's top left corner. On each axis:
_Positions = tuple[Boxes, Boxes, Boxes]
_BEFORE, _START, _END, _AFTER = (0.0, -1.0), (0.0, 0.0), (1.0, 0.0), (1.0, 1.0)
_MIDDLE = (0.5, 0.0)


def _touching() -> _Positions:
    """Along all edges, outside and inside, then in the middle."""
    edges = (_BEFORE, _START, _AFTER, _END)
    rows = [((x, y), (0.0, out)) for y, out in edges for x in _ALONG]
    columns = [((x, y), (out, 0.0)) for x, out in (*edges[2:], *edges[:2]) for y in _ALONG]
    inner = [((x, y), (0.0, 0.0)) for y in (0.5, 0.25, 0.75) for x in (0.5, 0.25, 0.75)]
    shares, multiples = np.swapaxes(np.array([*rows, *columns, *inner]), 0, 1)
    return shares, multiples, np.zeros_like(shares)


def _apart() -> _Positions:
    """Around the box, the nearest first."""
    found = []
    for far in _FAR:
        sides = ((_BEFORE, -far), (_AFTER, far))
        between = ((_START, 0.0), (_END, 0.0), (_MIDDLE, 0.0))
        for (y, y_out), y_gap in sides:
            found += [((x, y), (out, y_out), (gap, y_gap)) for (x, out), gap in (*between, *sides)]
        for (x, x_out), x_gap in sides:
            found += [((x, y), (x_out, out), (x_gap, gap)) for (y, out), gap in between]
    shares, multiples, gaps = np.swapaxes(np.array(found), 0, 1)
    return shares, multiples, gaps


_TOUCHING, _APART = _touching(), _apart()
