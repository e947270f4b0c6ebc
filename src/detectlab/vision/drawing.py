"""Boxes and labels on pictures: one drawing for the API, the notebooks and the companion."""

import math
from collections.abc import Sequence
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detectlab.vision.colours import RGB, class_colour, ink_on
from detectlab.vision.detections import Detections
from detectlab.vision.label_layout import SMALLEST_PX, Label, Rectangle, lay_out_labels
from detectlab.vision.label_positions import Boxes
from detectlab.vision.lettering import text_mask

Pixels = NDArray[np.uint8]
Order = Literal["bgr", "rgb"]


@cache
def _shades(colour: RGB) -> NDArray[np.uint8]:
    """The 256 colours from a bar's own to that of the ink on it."""
    return np.linspace(colour, ink_on(colour), 256).round().astype(np.uint8)


class Canvas:
    """A picture to draw on; what lies beyond its borders is cut off.

    Args:
        pixels: `(height, width, 3)` uint8; drawn on.
        order: Order of its channels.
    """

    def __init__(self, pixels: Pixels, order: Order) -> None:
        self.pixels = pixels
        self.height, self.width = pixels.shape[:2]
        self._step = -1 if order == "bgr" else 1

    def fill(self, rectangle: Rectangle, colour: RGB) -> None:
        """Paint a rectangle.

        Args:
            rectangle: Its corners; the pixels at `x_max` and `y_max` are not painted.
            colour: The paint.
        """
        x_min, y_min, x_max, y_max = (max(0, edge) for edge in rectangle)
        self.pixels[y_min:y_max, x_min:x_max] = colour[:: self._step]

    def frame(self, box: Rectangle, colour: RGB, line_px: int) -> None:
        """Paint the outline of a box.

        Args:
            box: The middle of the line.
            colour: The line's.
            line_px: The line's width in pixels.
        """
        x_min, y_min, x_max, y_max = box
        before, after = line_px // 2, line_px - line_px // 2
        for y in (y_min, y_max):
            self.fill((x_min - before, y - before, x_max + after, y + after), colour)
        for x in (x_min, x_max):
            self.fill((x - before, y_min - before, x + after, y_max + after), colour)

    def write(self, text: str, font_px: int, corner_xy: tuple[int, int], colour: RGB) -> None:
        """Write a line of text on a bar.

        Args:
            text: One line.
            font_px: Height of the letters in pixels.
            corner_xy: Top left corner of the bar, inside the picture.
            colour: The bar's; the letters are black or white.
        """
        x, y = corner_xy
        mask = text_mask(text, font_px)[: self.height - y, : self.width - x]
        shades = _shades(colour)[:, :: self._step]
        self.pixels[y : y + mask.shape[0], x : x + mask.shape[1]] = shades.take(mask, axis=0)

    def connect(self, box: Rectangle, *, label: Rectangle, colour: RGB, line_px: int) -> None:
        """Paint a leader from the nearest point of a box to its label, along both axes.

        Args:
            box: The box.
            label: The label's bar.
            colour: The line's.
            line_px: The line's width in pixels.
        """
        (x, to_x), (y, to_y) = (_nearest(box[axis::2], label[axis::2]) for axis in (0, 1))
        self.fill((min(x, to_x), to_y, max(x, to_x) + line_px, to_y + line_px), colour)
        self.fill((x, min(y, to_y), x + line_px, max(y, to_y) + line_px), colour)


def _nearest(interval: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int]:
    """The points of two intervals that are nearest to each other; one point where they overlap."""
    (low, high), (other_low, other_high) = interval, other
    if high < other_low:
        return high, other_low
    if other_high < low:
        return low, other_high
    middle = (max(low, other_low) + min(high, other_high)) // 2
    return middle, middle


def draw_bbox(
    image: Pixels,
    detections: Detections,
    write_confidence: bool = True,
    *,
    in_place: bool = False,
) -> Pixels:
    """Draw each object's box, class and confidence.

    Args:
        image: `(height, width, 3)` uint8, BGR.
        detections: What to draw.
        write_confidence: Whether the labels show the confidence.
        in_place: Whether to draw on `image` itself; otherwise it is left as it is.

    Returns:
        The picture with the boxes, of the same shape: a copy unless `in_place`.
    """
    confidence = detections.confidence if write_confidence else None
    return draw_objects(
        image, detections.xyxy, detections.labels, confidence=confidence, in_place=in_place
    )


def draw_objects(
    image: Pixels,
    xyxy: NDArray[np.floating],
    names: Sequence[str],
    *,
    confidence: Sequence[float] | NDArray[np.floating] | None = None,
    font_px: int | None = None,
    order: Order = "bgr",
    in_place: bool = False,
) -> Pixels:
    """Draw a box and a label for each object.

    A label touches its box, or a leader connects them. Labels cover no other label, and at most
    15 % of another object's box. In a crowd they shrink, or become numbers that a legend explains.
    A label for which there is no room is left out.

    Args:
        image: `(height, width, 3)` uint8.
        xyxy: `(N, 4)` boxes in pixels, the most important first.
        names: The class of each.
        confidence: `(N,)` in `[0, 1]`; without it, labels show the class alone.
        font_px: Height of the letters in pixels; by default it fits the picture.
        order: Order of the channels of `image`.
        in_place: Whether to draw on `image` itself; otherwise it is left as it is.

    Returns:
        The picture with the boxes, of the same shape: a copy unless `in_place`.
    """
    canvas = Canvas(image if in_place else image.copy(), order)
    boxes = np.clip(np.asarray(xyxy, np.float64).reshape(-1, 4), -1, max(image.shape[:2]))
    texts = list(names)
    if confidence is not None:
        texts = [f"{name} {sure:.2f}" for name, sure in zip(names, confidence, strict=True)]
    side = math.sqrt(canvas.width * canvas.height)
    labels, legend = lay_out_labels(
        boxes,
        names,
        texts=texts,
        font_px=font_px or max(SMALLEST_PX + 2, round(side / 40)),
        picture_wh=(canvas.width, canvas.height),
    )
    _paint(canvas, boxes, names, labels)
    for name, line in legend.items():
        canvas.write(line.text, line.font_px, line.xyxy[:2], class_colour(name))
    return canvas.pixels


def _paint(
    canvas: Canvas, boxes: Boxes, names: Sequence[str], labels: Sequence[Label | None]
) -> None:
    """Paint all boxes, then all labels."""
    line_px = max(2, round(math.sqrt(canvas.width * canvas.height) / 250))
    corners: list[Rectangle] = [
        (x, y, right, low) for x, y, right, low in boxes.astype(int).tolist()
    ]
    colours = [class_colour(name) for name in names]
    # The most important last, so that it lies on top.
    for corner, colour in reversed(list(zip(corners, colours, strict=True))):
        canvas.frame(corner, colour, line_px)
    for corner, colour, label in zip(corners, colours, labels, strict=True):
        if label is None:
            continue
        if label.is_moved:
            leader_px = max(1, line_px // 2)
            canvas.connect(corner, label=label.xyxy, colour=colour, line_px=leader_px)
        canvas.write(label.text, label.font_px, label.xyxy[:2], colour)
