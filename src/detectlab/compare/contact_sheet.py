"""Contact sheet: the same picture with the boxes of each detector."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.compare.scoring import keep_classes, score_against_reference
from detectlab.compare.table import ComparisonTable
from detectlab.vision.colours import class_colour
from detectlab.vision.detections import Detections
from detectlab.vision.drawing import Canvas, draw_bbox
from detectlab.vision.images import read_image
from detectlab.vision.lettering import text_mask

_GAP_PX = 8
_BAR_PX = 30
_LETTERS_PX = 14
_LABELS_FROM_PX = 400  # on smaller tiles, labels would hide the objects


def draw_contact_sheet(
    comparison: ComparisonTable, index: int, *, tile_width: int = 640, columns: int | None = None
) -> NDArray[np.uint8]:
    """One tile for each detector's boxes, after one for the labels where there are any.

    On small tiles the boxes have the colours of their classes, which a line below explains, instead
    of labels.

    Args:
        comparison: The result of `compare_detectors`.
        index: Index of the picture in `comparison.pictures`.
        tile_width: Width of each tile, in pixels.
        columns: Tiles in a row; by default the number that makes the sheet about square.

    Returns:
        Picture `(height, width, 3)` uint8, BGR.
    """
    pixels = read_image(comparison.pictures[index])
    height = round(pixels.shape[0] * tile_width / pixels.shape[1])
    scale = tile_width / pixels.shape[1]
    small = cv2.resize(pixels, (tile_width, height), interpolation=cv2.INTER_AREA)
    canvas: NDArray[np.uint8] = small.astype(np.uint8, copy=False)
    answers = [(row.name, row.answers[index]) for row in comparison.rows]
    names = tuple(dict.fromkeys(name for _, answer in answers for name in answer.names))
    drawn = [
        (f"{name}: {len(answer)} found", _drawn(canvas, answer.scaled(x=scale, y=scale)))
        for name, answer in answers
    ]
    if comparison.labels is not None:
        there = keep_classes(comparison.labels[index].objects((tile_width, height)), names)
        picture = _drawn(canvas, there, write_confidence=False)
        drawn.insert(0, (f"really there: {len(there)}", picture))
    tiles = [_titled(picture, title) for title, picture in drawn]
    sheet = _grid(tiles, columns or math.ceil(math.sqrt(len(tiles))))
    return sheet if tile_width >= _LABELS_FROM_PX else np.vstack([sheet, _legend(names, sheet)])


def most_different(comparison: ComparisonTable, count: int) -> list[int]:
    """Indices of the pictures with the least agreement between the detectors.

    Args:
        comparison: The result of `compare_detectors`.
        count: Largest number of indices.

    Returns:
        Indices of `comparison.pictures`, the most different first.
    """
    classes = comparison.classes
    answers = [[keep_classes(one, classes) for one in row.answers] for row in comparison.rows]

    def agreement(index: int) -> float:
        of_picture = [one[index] for one in answers]
        pairs = [(a, b) for place, a in enumerate(of_picture) for b in of_picture[:place]]
        scores = [score_against_reference([a], [b], classes).score for a, b in pairs]
        return sum(scores)

    return sorted(range(len(comparison.pictures)), key=agreement)[:count]


def _drawn(
    pixels: NDArray[np.uint8], found: Detections, write_confidence: bool = True
) -> NDArray[np.uint8]:
    """A copy with labelled boxes; on a small tile, boxes only."""
    if pixels.shape[1] >= _LABELS_FROM_PX:
        return draw_bbox(pixels, found, write_confidence)
    canvas = Canvas(pixels.copy(), "bgr")
    for box, name, _ in found:
        canvas.frame((box[0], box[1], box[2], box[3]), class_colour(name), 2)
    return canvas.pixels


def _legend(names: Sequence[str], sheet: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A line with the names of the classes in their colours."""
    canvas = Canvas(np.full((_BAR_PX, sheet.shape[1], 3), 255, np.uint8), "bgr")
    left = 0
    for name in names:
        if left < canvas.width:
            canvas.write(name, _LETTERS_PX, (left, _GAP_PX), class_colour(name))
        left += text_mask(name, _LETTERS_PX).shape[1] + _GAP_PX
    return canvas.pixels


def _titled(drawn: NDArray[np.uint8], title: str) -> NDArray[np.uint8]:
    bar = np.full((_BAR_PX, drawn.shape[1], 3), 255, np.uint8)
    ink = text_mask(title, round(float(np.clip(drawn.shape[1] / 25, 12, 17))))
    ink = ink[:_BAR_PX, : bar.shape[1]]
    bar[: ink.shape[0], : ink.shape[1]] -= (ink * 0.85).astype(np.uint8)[..., None]
    return np.vstack([bar, drawn])


def _grid(tiles: Sequence[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    height, width = tiles[0].shape[:2]
    rows = math.ceil(len(tiles) / columns)
    whole = np.full(
        (rows * (height + _GAP_PX) - _GAP_PX, columns * (width + _GAP_PX) - _GAP_PX, 3),
        255,
        np.uint8,
    )
    for place, tile in enumerate(tiles):
        top, left = place // columns * (height + _GAP_PX), place % columns * (width + _GAP_PX)
        whole[top : top + height, left : left + width] = tile
    return whole
