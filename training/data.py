"""Read folders of labelled photographs.

A folder holds `NAME.jpg` (or .png) with `NAME.txt` beside it: one object a line, `class x_centre
y_centre width height`, all but the class from 0 to 1. Class numbers count the lines of
`classes.txt`, which lies in the folder or the one above it; class -1 is a region that teaches
nothing. A picture without a `.txt`, or with an empty one, shows none of the classes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

IGNORE = -1
# A truck is not labelled a car, but is no lesson in what a car is not, either.
LOOKALIKES = {"truck", "bus"}
LONGEST_SIDE = 448

Boxes = NDArray[np.float32]  # (N, 5): class, x_min, y_min, x_max, y_max, as shares of the picture
Picture = NDArray[np.uint8]  # (height, width, 3), BGR


@dataclass(frozen=True)
class Sample:
    """A photograph with its objects.

    Attributes:
        name: Folder and stem, as in `fruit/fruit0007`.
        picture: (height, width, 3) uint8, BGR, at most 448 pixels long.
        boxes: (N, 5) float32: class or -1, x_min, y_min, x_max, y_max from 0 to 1.
        outlines: Polygons of the objects, where the folder has them: (class, (K, 2) from 0 to 1).
    """

    name: str
    picture: Picture
    boxes: Boxes
    outlines: tuple[tuple[int, NDArray[np.float32]], ...] = ()


def read_names(path: Path) -> set[str]:
    """Gives the lines of a list of photographs."""
    return set(path.read_text().split())


def _class_numbers(folder: Path, classes: Sequence[str]) -> dict[int, int]:
    for place in (folder, folder.parent):
        if (place / "classes.txt").is_file():
            lines = (place / "classes.txt").read_text().strip().split("\n")
            break
    else:
        raise ValueError(f"`{folder}` needs a classes.txt, in it or above it: one class a line")
    numbers = {IGNORE: IGNORE}
    for number, label in enumerate(lines):
        if label.strip() in classes:
            numbers[number] = classes.index(label.strip())
        elif label.strip() in LOOKALIKES:
            numbers[number] = IGNORE
    return numbers


def _read_boxes(path: Path, numbers: dict[int, int]) -> Boxes:
    rows = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        fields = line.split()
        if len(fields) != 5:
            raise ValueError(
                f"`{path}` must hold `class x_centre y_centre width height`. Received: {line!r}"
            )
        if int(fields[0]) in numbers:
            x, y, width, height = map(float, fields[1:])
            box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            rows.append((numbers[int(fields[0])], *box))
    boxes = np.array(rows, dtype=np.float32).reshape(-1, 5)
    boxes[:, 1:] = boxes[:, 1:].clip(0, 1)
    return boxes


def _read_outlines(path: Path) -> tuple[tuple[int, NDArray[np.float32]], ...]:
    if not path.is_file():
        return ()
    lines = [line.split() for line in path.read_text().splitlines()]
    return tuple(
        (int(fields[0]), np.array(fields[1:], dtype=np.float32).reshape(-1, 2)) for fields in lines
    )


def read_folder(
    folder: Path, classes: Sequence[str], without: Iterable[str] = (), only: Iterable[str] = ()
) -> list[Sample]:
    """Reads a folder of labelled photographs.

    Args:
        folder: Where the pictures and their `.txt` files lie.
        classes: The detector's classes; objects of other classes are background.
        without: Photographs (`folder/stem`) to leave out.
        only: If given, the only photographs to read.

    Returns:
        The photographs, sorted by name.

    Raises:
        ValueError: There is no `classes.txt`, a label line is malformed, or no picture is left.
    """
    numbers, samples = _class_numbers(folder, classes), []
    without, only = set(without), set(only)
    for path in sorted([*folder.glob("*.jpg"), *folder.glob("*.png")]):
        name = f"{folder.name}/{path.stem}"
        if name in without or (only and name not in only):
            continue
        picture = cv2.imread(str(path))
        shrink = min(1.0, LONGEST_SIDE / max(picture.shape[:2]))
        if shrink < 1:
            picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        boxes = _read_boxes(path.with_suffix(".txt"), numbers)
        outlines = tuple(
            (numbers[number], points)
            for number, points in _read_outlines(path.with_suffix(".polygons.txt"))
            if numbers.get(number, IGNORE) != IGNORE
        )
        samples.append(Sample(name, picture, boxes, outlines))
    if not samples:
        raise ValueError(f"`{folder}` must hold .jpg or .png pictures. Received: none to use")
    return samples
