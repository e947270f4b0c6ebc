"""Ground truth in YOLO's text format: one file for each picture, one object on each line.

The file of `kitchen.jpg` is `kitchen.txt`, in the same folder or in its subfolder `labels`. A line
is `class x_centre y_centre width height`, relative to the picture's size, from 0 to 1. The class
is the index of a line in `classes.txt`, in the same folder or its parent; -1 marks an ignored
region, in which detections count neither as true nor as false positives.
"""

import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectlab.vision.detections import Detections
from detectlab.vision.metrics import IGNORE

_FORM = "`class x_centre y_centre width height`, all but the class from 0 to 1"


@dataclass(frozen=True, eq=False)
class Labels:
    """The ground truth of one picture.

    Attributes:
        xyxy: `(N, 4)` float32 boxes, relative to the picture's size, `[0, 1]`.
        names: The class of each box; `None` for an ignored region.
    """

    xyxy: NDArray[np.float32]
    names: tuple[str | None, ...]

    def objects(self, size_wh: tuple[int, int]) -> Detections:
        """The objects in a picture of this width and height, each with confidence 1."""
        boxes = self.xyxy * np.array([*size_wh, *size_wh], np.float32)
        named = zip(boxes, self.names, strict=True)
        return Detections.of((box, name, 1.0) for box, name in named if name is not None)


NOTHING = Labels(np.empty((0, 4), np.float32), ())


def label_file(picture: Path, folder: Path | None = None) -> Path | None:
    """The label file of a picture, or `None`.

    Args:
        picture: The picture file.
        folder: The folder of the label files; by default the picture's, and its `labels`.
    """
    folders = [folder] if folder else [picture.parent, picture.parent / "labels"]
    files = (place / f"{picture.stem}.txt" for place in folders)
    return next((file for file in files if file.is_file()), None)


def read_labels(file: Path) -> Labels:
    """Read the labels of one picture.

    Raises:
        ValueError: A line is malformed, its class is not in `classes.txt`, or `classes.txt` is
            missing.
    """
    boxes = read_boxes(file)
    classes = class_names(file.parent) if len(boxes) else ()
    names: list[str | None] = []
    for number in boxes[:, 0].astype(int):
        if not IGNORE <= number < len(classes):
            raise ValueError(
                f"{file} contains the class {number}; classes.txt has {len(classes)} lines, for "
                f"the classes 0 to {len(classes) - 1}."
            )
        names.append(None if number == IGNORE else classes[number])
    return Labels(boxes[:, 1:], tuple(names))


def read_boxes(file: Path) -> NDArray[np.float32]:
    """Read a label file as numbers; a missing file has no objects.

    Returns:
        `(N, 5)`: class, `x_min, y_min, x_max, y_max` relative to the picture's size, `[0, 1]`.

    Raises:
        ValueError: A line is malformed.
    """
    rows = []
    for number, line in enumerate(_lines(file) if file.is_file() else [], start=1):
        if line.strip():
            rows.append(_corners(line, f"{file}, line {number},"))
    boxes = np.array(rows, dtype=np.float32).reshape(-1, 5)
    boxes[:, 1:] = boxes[:, 1:].clip(0, 1)
    return boxes


def write_boxes(file: Path, boxes: NDArray[np.float32]) -> None:
    """Write a label file, whole or not at all: what it held before stays until then.

    Args:
        file: Its place.
        boxes: `(N, 5)`, as `read_boxes` gives them.

    Raises:
        ValueError: A box is empty or extends beyond the picture, or the file cannot be written.
    """
    lines = []
    for number, low_x, low_y, high_x, high_y in np.asarray(boxes, np.float64).tolist():
        if not (0 <= low_x < high_x <= 1 and 0 <= low_y < high_y <= 1):
            raise ValueError(
                "A box must lie inside its picture and have a width and a height. Received: "
                f"{low_x:.3f}, {low_y:.3f} to {high_x:.3f}, {high_y:.3f}"
            )
        x, y, width, height = (
            (low_x + high_x) / 2,
            (low_y + high_y) / 2,
            high_x - low_x,
            high_y - low_y,
        )
        lines.append(f"{int(number)} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n")
    part = file.with_name(f".{file.name}.{secrets.token_hex(8)}.part")
    try:
        with part.open("x", encoding="utf-8") as opened:
            opened.write("".join(lines))
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(file)
    except OSError as error:
        raise ValueError(
            f"{file.name} was not saved: {error.strerror}. What was saved before is still there."
        ) from None
    finally:
        with suppress(OSError):
            part.unlink()


def class_names(folder: Path) -> tuple[str, ...]:
    """The classes of the label files in a folder.

    Raises:
        ValueError: Neither the folder nor its parent contains a `classes.txt`.
    """
    for place in (folder, folder.absolute().parent):
        if (place / "classes.txt").is_file():
            return tuple(line.strip() for line in _lines(place / "classes.txt"))
    raise ValueError(f"Add a classes.txt to {folder} or its parent, with one class on each line.")


def known_classes(labels: Iterable[Labels]) -> tuple[str, ...]:
    """The classes that occur, most frequent first."""
    counts: dict[str, int] = {}
    for found in labels:
        for name in found.names:
            if name is not None:
                counts[name] = counts.get(name, 0) + 1
    return tuple(sorted(counts, key=lambda name: -counts[name]))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{file} must be a text file in UTF-8.") from None


def _corners(line: str, place: str) -> Sequence[float]:
    try:
        number, x, y, width, height = (float(field) for field in line.split())
        shares = np.array([x, y, width, height])
        # Tools that write labels round, by up to one percent beyond the border.
        if number.is_integer() and ((shares >= -0.01) & (shares <= 1.01)).all():
            return number, x - width / 2, y - height / 2, x + width / 2, y + height / 2
    except ValueError:
        pass  # wrong number of fields, or not a number
    raise ValueError(f"{place} must hold {_FORM}. Received: {line[:80]!r}")
