"""Boxes and labels on a copy of a picture."""

import colorsys
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.vision.detections import Detections

_FONT = cv2.FONT_HERSHEY_DUPLEX
_FONT_HEIGHT_PX = 22  # of _FONT at scale 1
_GOLDEN_RATIO = 0.618034


@cache
def class_colour(class_id: int) -> tuple[int, int, int]:
    """The colour of a class, `(blue, green, red)`: always the same, neighbours far apart."""
    hue = (0.98 + class_id * _GOLDEN_RATIO) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.85, 0.95)
    return round(blue * 255), round(green * 255), round(red * 255)


def draw_bbox(
    image: NDArray[np.uint8], detections: Detections, write_confidence: bool = True
) -> NDArray[np.uint8]:
    """Draw each object's box, class and confidence.

    Lines and letters grow with the picture, so that they can be read at any size, and labels stay
    inside it.

    Args:
        image: `(height, width, 3)` uint8, BGR; left as it is.
        detections: What to draw.
        write_confidence: Whether the label shows the confidence too.

    Returns:
        A copy with the boxes, of the same shape.
    """
    canvas = image.copy()
    height, width = canvas.shape[:2]
    thickness = max(1, round(min(height, width) / 220))
    # The most confident last, so that it lies on top.
    for index in reversed(range(len(detections))):
        colour = class_colour(int(detections.class_id[index]))
        corners = np.clip(detections.xyxy[index], -1, max(height, width)).astype(int).tolist()
        x_min, y_min, x_max, y_max = corners
        cv2.rectangle(canvas, (x_min, y_min), (x_max, y_max), colour, thickness)
        text = detections.names[detections.class_id[index]]
        if write_confidence:
            text += f" {detections.confidence[index]:.2f}"
        _draw_label(canvas, text, (x_min, y_min), colour)
    return canvas


def _draw_label(
    canvas: NDArray[np.uint8],
    text: str,
    corner_xy: tuple[int, int],
    colour: tuple[int, int, int],
) -> None:
    """Write `text` on a bar above `corner_xy`, or below it where there is no room above."""
    height, width = canvas.shape[:2]
    scale = float(np.clip(min(height, width) / 800, 0.4, 4.0))
    weight = max(1, round(scale))
    (text_width, _), _ = cv2.getTextSize(text, _FONT, scale, weight)
    pad = max(2, round(scale * 6))
    bar_width, bar_height = text_width + 2 * pad, round(scale * _FONT_HEIGHT_PX) + 2 * pad
    left = int(np.clip(corner_xy[0], 0, max(0, width - bar_width)))
    top = corner_xy[1] - bar_height
    if top < 0:
        top = int(np.clip(corner_xy[1], 0, max(0, height - bar_height)))
    cv2.rectangle(canvas, (left, top), (left + bar_width, top + bar_height), colour, cv2.FILLED)
    blue, green, red = colour
    # Black on light colours, white on dark ones (luma of ITU-R BT.601).
    ink = (0, 0, 0) if 0.114 * blue + 0.587 * green + 0.299 * red > 140 else (255, 255, 255)
    origin = (left + pad, top + bar_height - pad)
    cv2.putText(canvas, text, origin, _FONT, scale, ink, weight, cv2.LINE_AA)
