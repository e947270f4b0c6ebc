"""Public detectors that teach: what each finds in a picture, with scores of our classes."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import openvino
from numpy.typing import NDArray

from training.task import CLASSES

FLOOR = 0.1  # scores below it are no votes
SAME_BOX_IOU = 0.6
YOLOX_STRIDES = (8, 16, 32)
YOLOX_GREY = 114  # fills what the picture leaves free of the square input

Votes = NDArray[np.float32]  # (N, 4 + classes): x_min, y_min, x_max, y_max from 0 to 1, scores
Teacher = Callable[[NDArray[np.uint8]], Votes]


def class_columns(names: Path) -> list[int]:
    """Gives the places of our classes in a list of class names, one a line."""
    known = names.read_text().split("\n")
    return [known.index(label) for label in CLASSES]


def strongest(votes: Votes) -> Votes:
    """Gives the votes above `FLOOR` that no stronger one of the same detector covers."""
    best = votes[:, 4:].max(axis=1, initial=0)
    votes, best = votes[best > FLOOR], best[best > FLOOR]
    boxes = np.c_[votes[:, :2], votes[:, 2:4] - votes[:, :2]]
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), best.tolist(), FLOOR, SAME_BOX_IOU)
    return votes[np.asarray(kept, dtype=int).ravel()].astype(np.float32)


def yolox_boxes(out: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Gives the boxes of a YOLOX output.

    Args:
        out: (N, 5 + classes): place and logarithm of the size in cells, objectness, class scores.
        side: Width and height of the input in pixels.

    Returns:
        (N, 4): x_min, y_min, x_max, y_max in pixels of the input.
    """
    counts = [side // stride for stride in YOLOX_STRIDES]
    grids = [np.stack(np.meshgrid(np.arange(n), np.arange(n)), -1).reshape(-1, 2) for n in counts]
    strides = np.concatenate(
        [np.full((len(grid), 1), stride) for grid, stride in zip(grids, YOLOX_STRIDES, strict=True)]
    )
    centre = (out[:, :2] + np.concatenate(grids)) * strides
    half = np.exp(out[:, 2:4]) * strides / 2
    return np.c_[centre - half, centre + half]


def read_yolox(path: Path, columns: list[int]) -> Teacher:
    """Reads a YOLOX detector (0.1.1 or later): BGR from 0 to 255 at the top left of a grey square.

    Args:
        path: Its `.onnx`.
        columns: The places of our classes among its own.
    """
    model = openvino.Core().compile_model(str(path), "CPU")
    side = model.input(0).partial_shape[2].get_length()

    def find(picture: NDArray[np.uint8]) -> Votes:
        height, width = picture.shape[:2]
        scale = side / max(height, width)
        padded = np.full((side, side, 3), YOLOX_GREY, np.uint8)
        small = cv2.resize(picture, (int(width * scale), int(height * scale)))
        padded[: small.shape[0], : small.shape[1]] = small
        out = model(padded.transpose(2, 0, 1)[None].astype(np.float32))[0][0]
        boxes = yolox_boxes(out, side) / scale / (width, height, width, height)
        return strongest(np.c_[boxes, out[:, [5 + c for c in columns]] * out[:, 4:5]])

    return find


def read_deim(path: Path, columns: list[int]) -> Teacher:
    """Reads a detector of the DETR family (DEIMv2) whose labels, boxes and scores come finished.

    Args:
        path: Its `.onnx`.
        columns: The numbers of our classes among its own.
    """
    model = openvino.Core().compile_model(str(path), "CPU")
    side = model.input("images").partial_shape[2].get_length()
    unit = np.array([[1, 1]], np.int64)  # boxes come as shares of the picture

    def find(picture: NDArray[np.uint8]) -> Votes:
        squeezed = cv2.resize(picture, (side, side))[..., ::-1].transpose(2, 0, 1)[None]
        pixels = np.ascontiguousarray(squeezed, np.float32) / 255
        found = model({"images": pixels, "orig_target_sizes": unit})
        labels, boxes, scores = (found[name][0] for name in ("labels", "boxes", "scores"))
        ours = labels[:, None] == np.array(columns)
        return strongest(np.c_[boxes, scores[:, None] * ours])

    return find


def read_teachers(weights: Path) -> list[Teacher]:
    """Reads the two detectors that teach from the folder of public detectors."""
    columns, onnx = class_columns(weights / "coco.names"), weights / "onnx"
    yolox = read_yolox(onnx / "yolox_nano.onnx", columns)
    return [yolox, read_deim(onnx / "deimv2_atto.onnx", columns)]
