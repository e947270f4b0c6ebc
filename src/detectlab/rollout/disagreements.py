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
    # The classes of both, so that each has the same colour in both pictures.
    names = tuple(sorted({found["class_name"] for answer in answers for found in answer}))
    drawn = [draw_bbox(pixels, _scaled(answer, scale, names)) for answer in answers]
    gap = np.full((pixels.shape[0], _GAP_PX, 3), 255, np.uint8)
    return np.hstack([drawn[0], gap, drawn[1]])


def _scaled(objects: list[Mapping[str, Any]], scale: float, names: tuple[str, ...]) -> Detections:
    if not objects:
        return Detections.empty(names)
    return Detections(
        np.array([found["box"] for found in objects], np.float32) * np.float32(scale),
        np.array([found["confidence"] for found in objects], np.float32),
        np.array([names.index(found["class_name"]) for found in objects]),
        names,
    )
