"""Scores of detections: AP50 against labels, or F1 against another detector."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectlab.vision.detections import Detections
from detectlab.vision.labels import Labels
from detectlab.vision.metrics import IGNORE, Found, Truth, average_precision, match

Sizes = Sequence[tuple[int, int]]  # width and height of each picture


@dataclass(frozen=True)
class Verdict:
    """Score of a detector, in `[0, 1]`.

    Attributes:
        score: AP50, averaged over the classes, or agreement.
        per_class: AP50 of each class; empty for agreement.
    """

    score: float
    per_class: dict[str, float]


def score_against_labels(
    answers: Sequence[Detections],
    labels: Sequence[Labels],
    *,
    sizes_wh: Sizes,
    classes: Sequence[str],
) -> Verdict:
    """AP50 of a detector.

    Args:
        answers: Its detections in each picture, above a very low confidence.
        labels: Labels of each picture.
        sizes_wh: Width and height of each picture, in pixels.
        classes: Classes that count, at least one; the detector knows all of them.
    """
    found = [_as_found(a, s, classes) for a, s in zip(answers, sizes_wh, strict=True)]
    truth = [_as_truth(there, classes) for there in labels]
    per_class = {
        name: average_precision(found, truth, index)[0] for index, name in enumerate(classes)
    }
    return Verdict(float(np.mean(list(per_class.values()))), per_class)


def score_against_reference(
    answers: Sequence[Detections], reference: Sequence[Detections], classes: Sequence[str]
) -> Verdict:
    """Agreement with another detector: F1 of objects of the same class and place.

    Args:
        answers: Detections in each picture.
        reference: Detections of the other detector, in the same order.
        classes: Classes that count; both detectors know all of them.
    """
    matched = objects = 0
    for one, other in zip(answers, reference, strict=True):
        ours, theirs = keep_classes(one, classes), keep_classes(other, classes)
        matched += len(match(theirs, ours))
        objects += len(ours) + len(theirs)
    return Verdict(2 * matched / objects if objects else 1.0, {})


def keep_classes(found: Detections, classes: Sequence[str]) -> Detections:
    """The detections of these classes.

    Args:
        found: Detections of all classes.
        classes: Names of the classes.
    """
    return found[np.array([label in classes for label in found.labels], dtype=bool)]


def _as_found(answer: Detections, size_wh: tuple[int, int], classes: Sequence[str]) -> Found:
    answer = keep_classes(answer, classes)
    numbers = np.array([classes.index(label) for label in answer.labels], np.float32)
    width, height = size_wh
    shares = answer.xyxy / np.array([width, height, width, height], np.float32)
    return np.column_stack([numbers, answer.confidence, shares.clip(0, 1)]).astype(np.float32)


def _as_truth(there: Labels, classes: Sequence[str]) -> Truth:
    wanted = [name is None or name in classes for name in there.names]
    numbers = [
        IGNORE if name is None else classes.index(name)
        for name in there.names
        if name is None or name in classes
    ]
    return np.column_stack([numbers, there.xyxy[wanted]]).astype(np.float32).reshape(-1, 5)
