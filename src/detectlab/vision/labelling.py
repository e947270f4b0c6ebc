"""What each label of a picture says, and where: whole, smaller, or a number with a legend."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detectlab.vision.canvas import Rectangle, text_mask
from detectlab.vision.label_layout import MAX_COVER, Boxes, Size, largest_cover, place_labels

SMALLEST_PX = 9  # letters below this cannot be read
_NOTHING: Boxes = np.empty((0, 4))


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
