"""What is really in pictures: text files with one object a line, as YOLO's trainers write them.

For `kitchen.jpg` that is `kitchen.txt`, beside it or in a folder `labels` beside it. A line holds
`class x_centre y_centre width height`, all but the class as shares of the picture, from 0 to 1.
The class counts the lines of `classes.txt`, which lies in the same folder or the one above, from 0;
-1 marks a region in which detections count neither way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectlab.vision.metrics import IGNORE

_FORM = "`class x_centre y_centre width height`, all but the class from 0 to 1"


@dataclass(frozen=True, eq=False)
class Labels:
    """What is in one picture.

    Attributes:
        xyxy: `(N, 4)` float32 corners, as shares of the picture, `[0, 1]`.
        names: The class of each; `None` for a region that counts neither way.
    """

    xyxy: NDArray[np.float32]
    names: tuple[str | None, ...]


NOTHING = Labels(np.empty((0, 4), np.float32), ())


def label_file(picture: Path, folder: Path | None = None) -> Path | None:
    """The file with a picture's labels, or `None`.

    Args:
        picture: The picture's file.
        folder: Where to look; by default beside the picture, and in `labels` beside it.
    """
    folders = [folder] if folder else [picture.parent, picture.parent / "labels"]
    files = (place / f"{picture.stem}.txt" for place in folders)
    return next((file for file in files if file.is_file()), None)


def read_labels(file: Path) -> Labels:
    """Read the labels of one picture.

    Raises:
        ValueError: A line is not of the form above, its class is not in `classes.txt`, or there is
            no `classes.txt`.
    """
    boxes = read_boxes(file)
    classes = class_names(file.parent) if len(boxes) else ()
    names: list[str | None] = []
    for number in boxes[:, 0].astype(int):
        if not IGNORE <= number < len(classes):
            raise ValueError(
                f"{file} has a class {number}; classes.txt has {len(classes)} lines, which count "
                f"from 0 to {len(classes) - 1}."
            )
        names.append(None if number == IGNORE else classes[number])
    return Labels(boxes[:, 1:], tuple(names))


def read_boxes(file: Path) -> NDArray[np.float32]:
    """Read a label file as numbers; a file that is not there has none.

    Returns:
        `(N, 5)`: class, `x_min, y_min, x_max, y_max` as shares of the picture, `[0, 1]`.

    Raises:
        ValueError: A line is not of the form above.
    """
    rows = []
    for number, line in enumerate(_lines(file) if file.is_file() else [], start=1):
        if line.strip():
            rows.append(_corners(line, f"{file}, line {number},"))
    boxes = np.array(rows, dtype=np.float32).reshape(-1, 5)
    boxes[:, 1:] = boxes[:, 1:].clip(0, 1)
    return boxes


def class_names(folder: Path) -> tuple[str, ...]:
    """The classes to which the label files of a folder refer.

    Raises:
        ValueError: Neither the folder nor the one above has a `classes.txt`.
    """
    for place in (folder, folder.absolute().parent):
        if (place / "classes.txt").is_file():
            return tuple(line.strip() for line in _lines(place / "classes.txt"))
    raise ValueError(f"{folder} needs a classes.txt, in it or above it: one class a line.")


def known_classes(labels: Iterable[Labels]) -> tuple[str, ...]:
    """Every class of which there is an object, most frequent first."""
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
        # A little beyond the border is a rounding of whoever wrote it.
        if number.is_integer() and ((shares >= -0.01) & (shares <= 1.01)).all():
            return number, x - width / 2, y - height / 2, x + width / 2, y + height / 2
    except ValueError:
        pass  # too few fields, too many, or no number: the same sentence
    raise ValueError(f"{place} must hold {_FORM}. Received: {line[:80]!r}")
