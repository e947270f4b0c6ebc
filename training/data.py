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
BACKGROUND = -2  # of outlines: something that is none of the classes
# A truck is not labelled a car, but is no lesson in what a car is not, either.
LOOKALIKES = {"truck", "bus"}
LONGEST_SIDE = 448
SAME_BOUNDS = 0.01  # how far an outline's bounds may be off its box's

Boxes = NDArray[np.float32]  # (N, 5): class, x_min, y_min, x_max, y_max, as shares of the picture
Picture = NDArray[np.uint8]  # (height, width, 3), BGR
Outline = tuple[int, NDArray[np.float32]]  # class or -2, (K, 2) x and y from 0 to 1


@dataclass(frozen=True)
class Sample:
    """A photograph with its objects.

    Attributes:
        name: Folder and stem, as in `fruit/fruit0007`.
        picture: (height, width, 3) uint8, BGR, at most 448 pixels long.
        boxes: (N, 5) float32: class or -1, x_min, y_min, x_max, y_max from 0 to 1.
        outlines: Polygons of the objects, where the folder has them.
    """

    name: str
    picture: Picture
    boxes: Boxes
    outlines: tuple[Outline, ...] = ()


def read_names(path: Path) -> set[str]:
    """Gives the lines of a list of photographs."""
    return set(path.read_text().split())


def read_crowds(photos: Path) -> frozenset[str]:
    """Gives the photographs that `crowd.list` files name, as `folder/stem`."""
    names = set()
    for path in photos.glob("*/crowd.list"):
        words = [word.strip(',"') for word in path.read_text().split()]
        stems = [word.removesuffix(".jpg") for word in words if word.endswith(".jpg")]
        names |= {f"{path.parent.name}/{stem}" for stem in stems}
    return frozenset(names)


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


def _read_boxes(path: Path) -> Boxes:
    rows = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        fields = line.split()
        if len(fields) != 5:
            raise ValueError(
                f"`{path}` must hold `class x_centre y_centre width height`. Received: {line!r}"
            )
        x, y, width, height = map(float, fields[1:])
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        rows.append((int(fields[0]), *box))
    boxes = np.array(rows, dtype=np.float32).reshape(-1, 5)
    boxes[:, 1:] = boxes[:, 1:].clip(0, 1)
    return boxes


def _renumbered(boxes: Boxes, numbers: dict[int, int]) -> Boxes:
    kept = boxes[[int(number) in numbers for number in boxes[:, 0]]]
    kept[:, 0] = [numbers[int(number)] for number in kept[:, 0]]
    return kept


def _read_outlines(path: Path, boxes: Boxes, numbers: dict[int, int]) -> tuple[Outline, ...]:
    """Gives the outlines that fill a labelled box, with the class of that box.

    The class in the file is not used: data sets count classes in different ways.
    """
    outlines = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        points = np.array(line.split()[1:], dtype=np.float32).reshape(-1, 2)
        bounds = np.concatenate([points.min(axis=0), points.max(axis=0)])
        gaps = np.abs(boxes[:, 1:] - bounds).max(axis=1, initial=0)
        if len(gaps) and gaps.min() < SAME_BOUNDS:
            label = numbers.get(int(boxes[gaps.argmin(), 0]), BACKGROUND)
            outlines.append((label, points))
    return tuple(outline for outline in outlines if outline[0] != IGNORE)


def label_folder(folder: Path) -> Path:
    """Gives where the label files of a folder's pictures lie: beside them, or in `labels`."""
    labels = folder / "labels"
    return labels if (labels / "classes.txt").is_file() else folder


def read_folder(
    folder: Path, classes: Sequence[str], without: Iterable[str] = (), only: Iterable[str] = ()
) -> list[Sample]:
    """Reads a folder of labelled photographs.

    Args:
        folder: Where the pictures lie, their `.txt` files beside them or in `labels`.
        classes: The detector's classes; objects of other classes are background.
        without: Photographs (`folder/stem`) to leave out.
        only: If given, the only photographs to read.

    Returns:
        The photographs, sorted by name.

    Raises:
        ValueError: There is no `classes.txt`, a label line is malformed, or no picture is left.
    """
    labels = label_folder(folder)
    numbers, samples = _class_numbers(labels, classes), []
    without, only = set(without), set(only)
    for path in sorted([*folder.glob("*.jpg"), *folder.glob("*.png")]):
        name = f"{folder.name}/{path.stem}"
        if name in without or (only and name not in only):
            continue
        picture = cv2.imread(str(path))
        shrink = min(1.0, LONGEST_SIDE / max(picture.shape[:2]))
        if shrink < 1:
            picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        boxes = _read_boxes(labels / f"{path.stem}.txt")
        outlines = _read_outlines(labels / f"{path.stem}.polygons.txt", boxes, numbers)
        samples.append(Sample(name, picture, _renumbered(boxes, numbers), outlines))
    if not samples:
        raise ValueError(f"`{folder}` must hold .jpg or .png pictures. Received: none to use")
    return samples
