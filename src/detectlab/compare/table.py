"""Result of a comparison: a row for each detector, as text and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detectlab.compare.contender import Contender
from detectlab.compare.scoring import Verdict
from detectlab.detection.calibrations import Measured, as_json
from detectlab.vision.detections import Detections
from detectlab.vision.labels import Labels

_MANY = 8  # classes that a sentence can list


@dataclass(frozen=True)
class Row:
    """Accuracy and cost of one detector.

    Attributes:
        contender: The detector.
        known_classes: Number of classes that it knows.
        verdict: Its score.
        objects: Number of objects that it found.
        times_ms: Milliseconds of each timed detection.
        file_bytes: Size of its files.
        memory_bytes: Growth of a process that loads and runs it; `None` where not known.
        answers: Its detections in each picture.
        precision: What it was computed in, such as `"float32"`.
        int8: What was measured of it in int8; `None` where it is not calibrated.
    """

    contender: Contender
    known_classes: int
    verdict: Verdict
    objects: int
    times_ms: tuple[float, ...]
    file_bytes: int
    memory_bytes: int | None
    answers: tuple[Detections, ...]
    precision: str = "float32"
    int8: Measured | None = None

    @property
    def name(self) -> str:
        """Name of the contender, such as `nano@416`."""
        return self.contender.name

    @property
    def score(self) -> float:
        """AP50 or agreement, from 0 to 1."""
        return self.verdict.score

    @property
    def ms(self) -> float:
        """Median of the milliseconds a picture."""
        return self.percentile_ms(50)

    @property
    def file_mb(self) -> float:
        """Size of the files, in MB."""
        return self.file_bytes / 1e6

    def percentile_ms(self, percent: float) -> float:
        """Percentile of the milliseconds a picture; `percent` is in `[0, 100]`."""
        return float(np.percentile(self.times_ms, percent))

    def as_json(self) -> dict[str, Any]:
        """All figures as JSON values."""
        times = {f"p{p}": round(self.percentile_ms(p), 2) for p in (10, 50, 90)}
        return {
            "name": self.name,
            "model": self.contender.model,
            "input_size": self.contender.side,
            "known_classes": self.known_classes,
            "score": round(self.score, 4),
            "per_class": {name: round(score, 4) for name, score in self.verdict.per_class.items()},
            "objects": self.objects,
            "time_ms": {**times, "detections": len(self.times_ms)},
            "file_bytes": self.file_bytes,
            "memory_bytes": self.memory_bytes,
            "precision": self.precision,
            "int8": self.int8 and as_json(self.int8),
        }


@dataclass(frozen=True)
class ComparisonTable:
    """Several detectors on the same pictures.

    Attributes:
        rows: A row for each detector, in the order given.
        classes: Classes that count: all of the detectors know them.
        pictures: Files of the pictures.
        confidence: Confidence threshold of an object, in `[0, 1]`.
        labels: Labels of each picture, where there are any.
        reference: Name of the largest detector, whose answers replace missing labels.
        unlabelled: Number of pictures without labels although others have some.
    """

    rows: tuple[Row, ...]
    classes: tuple[str, ...]
    pictures: tuple[Path, ...]
    confidence: float
    labels: tuple[Labels, ...] | None
    reference: str | None
    unlabelled: int = 0

    def __getitem__(self, name: str) -> Row:
        """The row of a detector."""
        return next(row for row in self.rows if row.name == name)

    def best(self, max_ms: float, max_file_mb: float) -> Row | None:
        """The row with the highest score within a budget; of equals the fastest.

        Args:
            max_ms: Largest median time, in milliseconds a picture.
            max_file_mb: Largest size of the files, in MB.

        Returns:
            The row, or `None` when no detector fits.
        """
        fitting = [row for row in self.rows if row.ms <= max_ms and row.file_mb <= max_file_mb]
        return max(fitting, key=lambda row: (row.score, -row.ms), default=None)

    @property
    def measure(self) -> str:
        """Name of the score: `"AP50"` or `"agreement"`."""
        return "AP50" if self.labels is not None else "agreement"

    @property
    def title(self) -> str:
        """One line: the score, the classes and the pictures."""
        classes = ", ".join(self.classes)
        if len(self.classes) > _MANY:
            classes = f"the {len(self.classes)} classes that all of them know"
        pictures = _counted(len(self.pictures), "picture")
        if self.labels is None:
            return f"Agreement with {self.reference}, the largest, over {classes}: {pictures}"
        names = [name for there in self.labels for name in there.names]
        objects = _counted(sum(name in self.classes for name in names), "object")
        note = f" ({self.unlabelled} without labels count as empty)" if self.unlabelled else ""
        return f"AP50 over {classes}: {objects} in {pictures}{note}"

    def as_text(self) -> str:
        """All figures as a table in plain text; times are milliseconds a picture."""
        head = ["detector", "input", "classes", self.measure, f"found > {self.confidence:g}"]
        head += ["ms", "(p10 to p90)", "file MB", "memory MB"]
        rows = [self._cells(row) for row in self.rows]
        if any(row.precision != "float32" for row in self.rows):
            head.append("computed in")
            rows = [[*cells, row.precision] for cells, row in zip(rows, self.rows, strict=True)]
        cells = [head, *rows]
        widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
        lines = [
            "  ".join(
                text.rjust(width) if column else text.ljust(width)
                for column, (text, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in cells
        ]
        notes = [f"{row.name} in int8 {row.int8}" for row in self.rows if row.int8]
        return "\n".join([self.title, *(line.rstrip() for line in lines), *notes])

    def _cells(self, row: Row) -> list[str]:
        low, middle, high = (row.percentile_ms(percent) for percent in (10, 50, 90))
        return [
            row.name,
            str(row.contender.side),
            str(row.known_classes),
            "reference" if row.name == self.reference else f"{row.score:.3f}",
            str(row.objects),
            f"{middle:.1f}",
            f"({low:.1f} to {high:.1f})",
            f"{row.file_mb:.1f}",
            "?" if row.memory_bytes is None else f"{row.memory_bytes / 1e6:.0f}",
        ]

    def as_json(self) -> dict[str, Any]:
        """All figures as JSON values, without the detections."""
        return {
            "measure": self.measure,
            "reference": self.reference,
            "classes": list(self.classes),
            "confidence": self.confidence,
            "pictures": [str(picture) for picture in self.pictures],
            "unlabelled": self.unlabelled,
            "detectors": [row.as_json() for row in self.rows],
        }


def common_classes(known: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The classes that are in all lists, in the order of the first."""
    return tuple(name for name in known[0] if all(name in names for names in known[1:]))


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" + ("" if count == 1 else "s")
