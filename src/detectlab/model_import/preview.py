"""What a new detector finds: as rows, as a drawing, and measured against labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.compare.scoring import score_against_labels
from detectlab.detection.detector import Detector
from detectlab.model_import.trial_pictures import trial_pictures
from detectlab.vision.detections import Detections
from detectlab.vision.drawing import draw_bbox
from detectlab.vision.image_files import list_pictures
from detectlab.vision.images import encode_image, read_image
from detectlab.vision.labels import known_classes, label_file, read_labels

_CONFIDENCE = 0.3
_LOWEST = 0.01  # for AP50, which looks at all confidences
_TILE_HEIGHT = 320

Row = tuple[str, float, int, int, int, int]


class Preview(NamedTuple):
    """What was found in one trial picture."""

    name: str
    pixels: NDArray[np.uint8]
    detections: Detections

    @property
    def rows(self) -> list[Row]:
        """Class, score and corners of each object, most confident first."""
        return [
            (label, round(score, 3), corners[0], corners[1], corners[2], corners[3])
            for corners, label, score in self.detections
        ]


def list_objects(detector: Detector) -> list[Preview]:
    """Run a detector on the trial pictures."""
    return [
        Preview(name, pixels, detector.detect(pixels, _CONFIDENCE))
        for name, pixels in trial_pictures().items()
    ]


def draw_preview(previews: Sequence[Preview], file: Path) -> Path:
    """Draw what was found, side by side.

    Args:
        previews: The trial pictures.
        file: The JPEG to write; its folder is made where there is none.

    Returns:
        The file.
    """
    tiles = []
    for preview in previews:
        drawn = draw_bbox(preview.pixels, preview.detections)
        width = round(drawn.shape[1] * _TILE_HEIGHT / drawn.shape[0])
        tiles.append(cv2.resize(drawn, (width, _TILE_HEIGHT), interpolation=cv2.INTER_AREA))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encode_image(np.asarray(np.hstack(tiles), np.uint8)))
    return file


def measure_ap50(detector: Detector, folder: Path) -> float:
    """AP50 of a detector on a folder of labelled pictures, averaged over the classes.

    Args:
        detector: The detector.
        folder: Pictures with labels beside them, as `detectlab compare` takes them.

    Raises:
        ValueError: When there are no labels of a class that the detector knows.
    """
    labelled = [(file, label_file(file)) for file in list_pictures([folder])]
    pictures = [(read_image(file), read_labels(label)) for file, label in labelled if label]
    labels = [there for _, there in pictures]
    classes = [name for name in known_classes(labels) if name in detector.names]
    if not classes:
        raise ValueError(f"{folder} has no labelled object of a class that the detector knows.")
    answers = [detector.detect(pixels, _LOWEST) for pixels, _ in pictures]
    sizes_wh = [(pixels.shape[1], pixels.shape[0]) for pixels, _ in pictures]
    return score_against_labels(answers, labels, sizes_wh=sizes_wh, classes=classes).score
