"""Pictures of disagreements."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectlab.vision.detections import Detections
from detectlab.vision.drawing import draw_bbox
from detectlab.vision.images import decode_image

_GAP_PX = 12


def draw_disagreement(example: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Both answers of an example of a report, drawn on its picture.

    Args:
        example: One of `report()["examples"]`.

    Returns:
        `(height, width, 3)` uint8, BGR: the baseline on the left, the other answer on the right; on
        grey where the picture was not kept.
    """
    width, height = example["size_wh"]
    if example["picture"]:
        pixels = decode_image(base64.b64decode(example["picture"])).pixels
    else:
        pixels = np.full((height, width, 3), 200, np.uint8)
    scale = pixels.shape[1] / width  # the picture was made smaller
    answers = [example[key] for key in ("baseline_detections", "detections")]
    drawn = [draw_bbox(pixels, _detections(answer).scaled(x=scale, y=scale)) for answer in answers]
    gap = np.full((pixels.shape[0], _GAP_PX, 3), 255, np.uint8)
    return np.hstack([drawn[0], gap, drawn[1]])


def _detections(objects: list[Mapping[str, Any]]) -> Detections:
    return Detections.of((one["box"], one["class_name"], one["confidence"]) for one in objects)
