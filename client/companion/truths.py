"""Labels of the chosen pictures, and how the detections agree with them."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectlab.client import Detection
from detectlab.vision.detections import Detections
from detectlab.vision.labels import Labels, label_file, read_labels
from detectlab.vision.metrics import match


@dataclass(frozen=True)
class Score:
    """How the detections in one picture agree with its labels.

    Attributes:
        hits: Labelled objects that were found, with the right class.
        labelled: All labelled objects.
        extra: Detections that no label confirms.
    """

    hits: int
    labelled: int
    extra: int

    def __str__(self) -> str:
        return f"{self.hits} of {self.labelled} labelled objects found, {self.extra} not labelled"


def labels_beside(picture: Path) -> Labels | None:
    """The labels of a picture file, or `None`; raises `ValueError` when they are malformed."""
    file = label_file(picture)
    return read_labels(file) if file else None


def labels_among(texts: Mapping[str, bytes]) -> tuple[dict[str, Labels], list[str]]:
    """The labels in text files that were chosen beside pictures.

    Args:
        texts: The text files by name: YOLO labels, and their `classes.txt`.

    Returns:
        The labels by the name of their picture without its suffix, and what is wrong with others.
    """
    found, problems = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for name, data in texts.items():
            (Path(folder) / Path(name).name).write_bytes(data)
        for name in sorted({Path(name).name for name in texts} - {"classes.txt"}):
            try:
                found[Path(name).stem] = read_labels(Path(folder) / name)
            except ValueError as error:
                problems.append(str(error).replace(f"{folder}/", "").replace(folder, "the files"))
    return found, problems


def score(detections: Sequence[Detection], truth: Labels, size_wh: tuple[int, int]) -> Score:
    """Compare detections with labels, at an IoU of at least 0.5.

    Args:
        detections: Corners in pixels.
        truth: The labels of the picture.
        size_wh: Width and height of the picture in pixels.
    """
    named = [index for index, name in enumerate(truth.names) if name is not None]
    names = [str(truth.names[index]) for index in named]
    labelled = _as_detections(truth.xyxy[named] * np.tile(size_wh, 2), names)
    corners = [
        [found["x_min"], found["y_min"], found["x_max"], found["y_max"]] for found in detections
    ]
    found = _as_detections(np.array(corners), [found["class_name"] for found in detections])
    hits = len(match(labelled, found))
    return Score(hits, len(named), len(detections) - hits)


def total(scores: Iterable[Score]) -> Score:
    """The scores of several pictures as one."""
    rows = [(score.hits, score.labelled, score.extra) for score in scores]
    return Score(*(sum(column) for column in zip(*rows, strict=True))) if rows else Score(0, 0, 0)


def _as_detections(xyxy: np.ndarray, names: Sequence[str]) -> Detections:
    classes = tuple(dict.fromkeys(names))
    class_id = np.array([classes.index(name) for name in names], np.int64)
    corners = np.asarray(xyxy, np.float32).reshape(-1, 4)
    return Detections(corners, np.ones(len(names), np.float32), class_id, classes)
