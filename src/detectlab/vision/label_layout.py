"""What each label says, and where, so that none covers another, or much of another object.

Greedy placement over a fixed set of positions for each label, as for points on maps (Christensen,
Marks and Shieber, "An Empirical Study of Algorithms for Point-Feature Label Placement", 1995).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectlab.vision.label_positions import APART, TOUCHING, Boxes
from detectlab.vision.lettering import text_mask

Size = tuple[int, int]
Rectangle = tuple[int, int, int, int]  # x_min, y_min, x_max, y_max

MAX_COVER = 0.15  # share of another object's box that a label may cover
SMALLEST_PX = 9  # letters below this cannot be read
_NOTHING: Boxes = np.empty((0, 4))
_BLOCKED = 1e9  # the weight of a rectangle of which nothing may be covered


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
    boxes = np.clip(np.asarray(xyxy, np.float64), 0, np.tile(picture_wh, 2))
    rectangles = np.vstack([boxes, taken])
    weights = np.concatenate([_share_weights(boxes), np.full(len(taken), _BLOCKED)])
    places: list[Place | None] = [None] * len(boxes)
    for index in np.argsort(-_share_weights(boxes), kind="stable"):
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
    widths, heights = (boxes[:, axis + 2] - boxes[:, axis] for axis in (0, 1))
    weights: NDArray[np.float64] = 1.0 / np.maximum(widths * heights, 1.0)
    return weights


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
    for is_moved, positions in ((False, TOUCHING), (True, APART)):
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


class Label(NamedTuple):
    """A label that is ready to be written.

    Attributes:
        text: One line.
        font_px: Height of its letters in pixels.
        xyxy: Its bar in pixels.
        is_moved: Whether it lies apart from its box, and needs a leader.
    """

    text: str
    font_px: int
    xyxy: Rectangle
    is_moved: bool


def lay_out_labels(
    xyxy: Boxes,
    names: Sequence[str],
    *,
    texts: Sequence[str],
    font_px: int,
    picture_wh: Size,
) -> tuple[list[Label | None], dict[str, Label]]:
    """Choose the text, size and place of each label.

    Args:
        xyxy: `(N, 4)` boxes in pixels.
        names: The class of each.
        texts: The whole text of each label.
        font_px: Preferred height of the letters in pixels.
        picture_wh: Width and height of the picture in pixels.

    Returns:
        A label for each box, `None` where there is no room, and the legend: for each class the line
        that explains its number. The legend is empty unless a label had to become a number.
    """
    small_px = max(SMALLEST_PX, round(font_px * 0.75))
    forms = [[(text, font_px), (text, small_px)] for text in texts]
    labels = _labels(xyxy, forms, picture_wh, _NOTHING)
    if None not in labels:
        return labels, {}
    numbers = {name: str(number) for number, name in enumerate(dict.fromkeys(names), start=1)}
    lines = {name: f"{number} {name}" for name, number in numbers.items()}
    places = _legend_places(xyxy, [_size(line, small_px) for line in lines.values()], picture_wh)
    if not places:
        return labels, {}
    legend = {
        name: Label(line, small_px, place, False)
        for (name, line), place in zip(lines.items(), places, strict=True)
    }
    for form, name in zip(forms, names, strict=True):
        form.append((numbers[name], small_px))
    return _labels(xyxy, forms, picture_wh, np.array(places, np.float64)), legend


def _labels(
    xyxy: Boxes, forms: Sequence[Sequence[tuple[str, int]]], picture_wh: Size, taken: Boxes
) -> list[Label | None]:
    sizes = [[_size(*form) for form in row] for row in forms]
    places = place_labels(xyxy, sizes, picture_wh=picture_wh, taken=taken)
    return [
        Label(*row[place.form], place.xyxy, place.is_moved) if place else None
        for row, place in zip(forms, places, strict=True)
    ]


def _size(text: str, font_px: int) -> Size:
    height, width = text_mask(text, font_px).shape
    return width, height


def _legend_places(boxes: Boxes, sizes: Sequence[Size], picture_wh: Size) -> list[Rectangle]:
    """Where the lines of a legend, one below the other, cover least; none if that is too much."""
    width, height = max(line[0] for line in sizes), sum(line[1] for line in sizes)
    free_width, free_height = picture_wh[0] - width, picture_wh[1] - height
    if free_width < 0 or free_height < 0:
        return []
    grid = np.meshgrid(np.linspace(0, free_width, 12), np.linspace(0, free_height, 12))
    corners = np.floor(np.stack(grid, axis=-1).reshape(-1, 2))
    covered = largest_cover(np.hstack([corners, corners + np.array([width, height])]), boxes)
    if covered.min() > MAX_COVER:
        return []
    left, top = corners[covered.argmin()].astype(int).tolist()
    places = []
    for line_width, line_height in sizes:
        places.append((left, top, left + line_width, top + line_height))
        top += line_height
    return places
