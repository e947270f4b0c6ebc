"""Boxes and labels on a picture, drawn as everywhere in detectlab."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from detectlab.client import Detection
from detectlab.vision.colours import class_colour
from detectlab.vision.drawing import Canvas, Pixels, draw_objects
from detectlab.vision.labels import Labels
from detectlab.vision.lettering import text_mask
from pictures import View

_YELLOW = (255, 214, 0)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def draw(
    view: View, detections: Sequence[Detection], stamp: str = "", truth: Labels | None = None
) -> Pixels:
    """Draw boxes with class and confidence.

    Args:
        view: The picture; left as it is.
        detections: Boxes in pixels of the whole picture, most confident first.
        stamp: Written at the lower left corner, unless it is empty.
        truth: Labelled objects, shown as black and white frames.

    Returns:
        `(height, width, 3)` uint8, RGB.
    """
    pixels = np.asarray(view.image)
    if truth:
        pixels = _with_truth(pixels.copy(), truth)  # Pillow's own pixels cannot be written to
    # Screens show all pictures at about the same width, so the letters depend on it alone.
    font_px = max(14, view.image.width // 40)
    scale = np.tile(np.divide(view.image.size, view.size_wh), 2)
    corners = [
        [found["x_min"], found["y_min"], found["x_max"], found["y_max"]] for found in detections
    ]
    drawn = draw_objects(
        pixels,
        np.array(corners, np.float64).reshape(-1, 4) * scale,
        [found["class_name"] for found in detections],
        confidence=[found["confidence"] for found in detections],
        font_px=font_px,
        order="rgb",
    )
    if stamp:
        canvas = Canvas(drawn, "rgb")
        top = max(0, canvas.height - len(text_mask(stamp, font_px)))
        canvas.write(stamp, font_px, (0, top), _YELLOW)
        return canvas.pixels
    return drawn


def _with_truth(pixels: Pixels, truth: Labels) -> Pixels:
    """The picture with a white frame with a black edge around each labelled object."""
    canvas = Canvas(pixels, "rgb")
    line_px = max(2, canvas.width // 200)
    corners = (truth.xyxy * np.tile((canvas.width, canvas.height), 2)).round().astype(int)
    for x_min, y_min, x_max, y_max in corners.tolist():
        canvas.frame((x_min, y_min, x_max, y_max), _BLACK, 3 * line_px)
        canvas.frame((x_min, y_min, x_max, y_max), _WHITE, line_px)
    return canvas.pixels


def icon() -> Image.Image:
    """The page's icon: a box around something."""
    image = Image.new("RGBA", (64, 64))
    pen = ImageDraw.Draw(image)
    pen.ellipse((18, 18, 46, 46), fill=class_colour("apple"))
    pen.rectangle((6, 6, 57, 57), outline=class_colour("car"), width=7)
    return image
