"""Boxes and labels on pictures: one drawing for the API, the notebooks and the companion."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectlab.vision.canvas import Canvas, Order, Pixels, Rectangle
from detectlab.vision.colours import class_colour
from detectlab.vision.detections import Detections
from detectlab.vision.label_layout import Boxes
from detectlab.vision.labelling import SMALLEST_PX, Label, lay_out_labels


def draw_bbox(image: Pixels, detections: Detections, write_confidence: bool = True) -> Pixels:
    """Draw each object's box, class and confidence.

    Args:
        image: `(height, width, 3)` uint8, BGR; left as it is.
        detections: What to draw.
        write_confidence: Whether the labels show the confidence.

    Returns:
        A copy with the boxes, of the same shape.
    """
    confidence = detections.confidence if write_confidence else None
    return draw_objects(image, detections.xyxy, detections.labels, confidence=confidence)


def draw_objects(
    image: Pixels,
    xyxy: NDArray[np.floating],
    names: Sequence[str],
    *,
    confidence: Sequence[float] | NDArray[np.floating] | None = None,
    font_px: int | None = None,
    order: Order = "bgr",
) -> Pixels:
    """Draw a box and a label for each object.

    A label touches its box, or a leader connects them. Labels cover no other label, and at most
    15 % of another object's box. In a crowd they shrink, or become numbers that a legend explains.
    A label for which there is no room is left out.

    Args:
        image: `(height, width, 3)` uint8; left as it is.
        xyxy: `(N, 4)` boxes in pixels, the most important first.
        names: The class of each.
        confidence: `(N,)` in `[0, 1]`; without it, labels show the class alone.
        font_px: Height of the letters in pixels; by default it fits the picture.
        order: Order of the channels of `image`.

    Returns:
        A copy with the boxes, of the same shape.
    """
    canvas = Canvas(image, order)
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
