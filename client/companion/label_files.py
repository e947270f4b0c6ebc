"""The folder of pictures that a person labels: `detectlab collect` fills it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detectlab.vision.labels import class_names, read_labels, write_boxes

Box = list[float]  # index of its class, x_min, y_min, x_max, y_max from 0 to 1


@dataclass(frozen=True)
class LabelFolder:
    """Pictures, and a label file beside each that a person has been through.

    Attributes:
        path: The folder.
        classes: The classes that can be given.
        pictures: The names of the pictures.
    """

    path: Path
    classes: tuple[str, ...]
    pictures: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> "LabelFolder":
        """The folder as it is now.

        Raises:
            ValueError: It holds no pictures, or no list of classes.
        """
        found = sorted(it.name for it in path.glob("*") if it.suffix.lower() in (".jpg", ".png"))
        if not found:
            raise ValueError(f"There is no picture in {path.name}: fill it by `detectlab collect`.")
        return cls(path, class_names(path), tuple(found))

    def is_labelled(self, name: str) -> bool:
        """Whether a person has been through a picture."""
        return self._file(name).is_file()

    @property
    def labelled(self) -> int:
        """How many pictures a person has been through."""
        return sum(map(self.is_labelled, self.pictures))

    def read(self, name: str) -> list[Box]:
        """The boxes that were saved for a picture.

        Raises:
            ValueError: The file holds no labels, or a class that is not listed.
        """
        labels = read_labels(self._file(name))
        numbers = [-1 if one is None else self.classes.index(one) for one in labels.names]
        return [[number, *box] for number, box in zip(numbers, labels.xyxy.tolist(), strict=True)]

    def save(self, name: str, boxes: Sequence[Box]) -> None:
        """Save the boxes of a picture, whole or not at all.

        Args:
            name: Of the picture.
            boxes: Its boxes.

        Raises:
            ValueError: There is no such picture, a box is impossible, or the disk is full.
        """
        if name not in self.pictures:
            raise ValueError(f"{name} is not in {self.path.name} any more.")
        rows = np.array(boxes, np.float32).reshape(-1, 5)
        if not np.isin(rows[:, 0], np.arange(-1, len(self.classes))).all():
            raise ValueError(f"The class of a box must be one of {', '.join(self.classes)}.")
        write_boxes(self._file(name), rows)

    def reported(self, name: str, size_wh: tuple[int, int]) -> list[Box] | None:
        """What a person reported to be in a picture; `None` where nothing was.

        Args:
            name: Of the picture.
            size_wh: Its width and height in pixels.
        """
        try:
            notes: dict[str, Any] = json.loads((self.path / "collected.json").read_text("utf-8"))
            rows = notes[name]["seen"]
            return [
                self.box(label, corners, size_wh)
                for *corners, label in rows
                if label in self.classes
            ]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def box(self, label: str, corners: Sequence[float], size_wh: tuple[int, int]) -> Box:
        """A box of corners in pixels.

        Args:
            label: Its class.
            corners: x_min, y_min, x_max, y_max.
            size_wh: Width and height of the picture in pixels.
        """
        shares = (np.array(corners, float) / np.tile(size_wh, 2)).clip(0, 1)
        return [self.classes.index(label), *shares.tolist()]

    def _file(self, name: str) -> Path:
        return (self.path / name).with_suffix(".txt")
