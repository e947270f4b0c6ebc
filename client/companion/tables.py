"""Answers as tables: of objects, of detectors, and of counts against confidence."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from asking import FLOOR, Answer
from detectlab.client import Detection

_COLUMNS = [
    "picture",
    "detector",
    "class_name",
    "confidence",
    "x_min",
    "y_min",
    "x_max",
    "y_max",
]


@dataclass(frozen=True)
class Finding:
    """One detector's answer about one picture.

    Attributes:
        picture: The picture's name.
        answer: What the detector found.
        size_wh: Width and height of the picture in pixels.
        classes: The classes that are shown; all where it is empty.
    """

    picture: str
    answer: Answer
    size_wh: tuple[int, int] = (1, 1)
    classes: frozenset[str] = frozenset()

    def above(self, confidence: float) -> list[Detection]:
        """The detections of the shown classes with at least this confidence."""
        found = self.answer.above(confidence)
        return [it for it in found if not self.classes or it["class_name"] in self.classes]


def count_classes(detections: Iterable[Detection]) -> str:
    """How many there are of each class, in words: `"2 apple, 1 orange"`."""
    counts = Counter(found["class_name"] for found in detections)
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "nothing"


def object_table(findings: Sequence[Finding], confidence: float) -> pd.DataFrame:
    """One row for each object with at least `confidence`."""
    rows = [
        {"picture": finding.picture, "detector": finding.answer.model, **found}
        for finding in findings
        for found in finding.above(confidence)
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def detector_table(findings: Sequence[Finding], confidence: float) -> pd.DataFrame:
    """One row for each picture and detector: what it found and how long that took."""
    rows = [
        {
            "picture": finding.picture,
            "detector": finding.answer.model,
            "objects": len(found := finding.above(confidence)),
            "found": count_classes(found),
            "time (ms)": round(1000 * finding.answer.seconds, 1),
            "there and back (ms)": round(1000 * finding.answer.total_s, 1),
        }
        for finding in findings
    ]
    return pd.DataFrame(rows)


def count_curve(findings: Sequence[Finding], step: float = 0.01) -> pd.DataFrame:
    """How many objects each detector finds in all pictures, against the confidence.

    Args:
        findings: The answers.
        step: Between one confidence and the next.
    """
    grid = [round(FLOOR + number * step, 4) for number in range(round((1 - FLOOR) / step) + 1)]
    confidences: dict[str, list[float]] = {}
    for finding in findings:
        found = confidences.setdefault(finding.answer.model, [])
        found += [item["confidence"] for item in finding.above(FLOOR)]
    rows = [
        {"detector": model, "confidence": least, "objects": sum(c >= least for c in found)}
        for model, found in confidences.items()
        for least in grid
    ]
    return pd.DataFrame(rows, columns=["detector", "confidence", "objects"])


def as_json(findings: Sequence[Finding], confidence: float) -> str:
    """The results as the server gives them, each with its picture's name."""
    results = [
        {
            "picture": finding.picture,
            "detections": finding.above(confidence),
            "time": finding.answer.seconds,
            "model": finding.answer.model,
        }
        for finding in findings
    ]
    return json.dumps(results, indent=2, ensure_ascii=False)
