"""A Darknet detector in OpenCV, restricted to our classes, as the lab runs it."""

import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.metrics import Found, suppress
from training.task import CLASSES

ASSETS = Path(__file__).parents[1] / "src" / "detectlab" / "assets"
PUBLIC_SIZE = 416  # pixels, width and height at which the lab runs detectors of COCO's classes


class DarknetDetector:
    """A detector of the YOLOv3 family on pictures squeezed to its input.

    Args:
        config: Its `.cfg`.
        weights: Its `.weights`.
        names: Its classes, one a line.
        size: Width and height of its input, in pixels.
    """

    def __init__(self, config: Path, weights: Path, names: Path, size: int) -> None:
        self.net = cv2.dnn.readNetFromDarknet(str(config), str(weights))
        known = names.read_text().split("\n")
        self.size = size
        self.columns = [5 + known.index(label) for label in CLASSES]

    def detect(self, picture: NDArray[np.uint8]) -> Found:
        """Gives its detections: class, score, corners from 0 to 1."""
        blob = cv2.dnn.blobFromImage(picture, 1 / 255, (self.size, self.size), swapRB=True)
        self.net.setInput(blob)
        rows = np.concatenate(self.net.forward(self.net.getUnconnectedOutLayersNames()))
        half = rows[:, 2:4] / 2
        boxes = np.c_[rows[:, :2] - half, rows[:, :2] + half, rows[:, self.columns]]
        return suppress(boxes.astype(np.float32))


def read_nano(folder: Path = ASSETS) -> DarknetDetector:
    """Reads nano.cfg, nano.weights and nano.names of a folder."""
    config, weights, names = (folder / f"nano.{suffix}" for suffix in ("cfg", "weights", "names"))
    return DarknetDetector(config, weights, names, input_size(config))


def input_size(config: Path) -> int:
    """Gives the width of the input, in pixels, that a `.cfg` names."""
    found = re.search(r"^width *= *(\d+)", config.read_text(), re.MULTILINE)
    if not found:
        raise ValueError(f"`{config}` must name the width of its input. Received none")
    return int(found[1])


def read_public(name: str, folder: Path) -> DarknetDetector:
    """Reads a detector of COCO's classes.

    Args:
        name: The stem of its files.
        folder: Holds its `.cfg` and `.weights`, and `coco.names`.
    """
    files = [folder / f"{name}.{suffix}" for suffix in ("cfg", "weights")]
    return DarknetDetector(*files, folder / "coco.names", PUBLIC_SIZE)
