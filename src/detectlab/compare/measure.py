"""Run several detectors on the same pictures, in turns, and measure them."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from detectlab.compare.contender import Contender
from detectlab.compare.memory import measure_memory
from detectlab.compare.scoring import (
    Verdict,
    keep_classes,
    score_against_labels,
    score_against_reference,
)
from detectlab.compare.table import ComparisonTable, Row, common_classes
from detectlab.detection.calibrations import measured_of
from detectlab.detection.detector import Detector, load_detector
from detectlab.models.registry import get_card
from detectlab.vision.detections import Detections
from detectlab.vision.images import read_image
from detectlab.vision.labels import NOTHING, Labels, known_classes, label_file, read_labels

if TYPE_CHECKING:
    from tqdm import tqdm

_LEAST_TIMED = 20  # detections of each detector
_AP_CONFIDENCE = 0.01  # threshold of the detections that AP50 is computed from


class _Run(NamedTuple):
    """Detections and milliseconds of each detector, and the sizes of the pictures."""

    answers: list[list[Detections]]
    times_ms: list[list[float]]
    sizes_wh: list[tuple[int, int]]


def compare_detectors(
    pictures: Sequence[Path],
    contenders: Sequence[Contender | str],
    *,
    labels: Path | None = None,
    confidence: float = 0.5,
    progress: bool = True,
) -> ComparisonTable:
    """Measure the accuracy and the cost of several detectors on the same pictures.

    All detectors get a picture before the next one is read, and they take turns in being first, so
    that other load on the machine affects all of them alike. The first round over the pictures
    finds the objects and warms up: it is not timed. Each detector is timed at least 20 times.

    Args:
        pictures: Files of the pictures.
        contenders: Detectors, as `Contender.parse` reads them; missing ones are fetched.
        labels: Folder of the label files, by default the folder of each picture; for the format see
            `detectlab.vision.labels`. Without any labels, the largest detector is the reference.
        confidence: Confidence threshold of an object, in `[0, 1]`.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: An unknown detector, no picture, no common class, or a wrong label file.
        WeightsError: A detector cannot be fetched.
        ImageError: A file is no picture.
        OSError: A file cannot be read.
    """
    if not pictures:
        raise ValueError("`pictures` must name at least one picture. Received: none")
    for picture in pictures:
        if not picture.is_file():
            raise FileNotFoundError(f"There is no picture at {picture}.")
    parsed = [Contender.parse(one) if isinstance(one, str) else one for one in contenders]
    chosen = list(dict.fromkeys(parsed))
    if not chosen:
        raise ValueError("`contenders` must name at least one detector. Received: none")
    there, unlabelled = _read_all_labels(pictures, labels)
    detectors = [load_detector(one.model, input_size=one.input_size) for one in chosen]
    classes = _classes_that_count(detectors, there)
    with _bar(pictures, chosen, progress) as bar:
        run = _run_all(pictures, detectors, confidence, with_labels=there is not None, bar=bar)
        memory = [_measured(one, bar) for one in chosen]
    found = [[answer.above(confidence) for answer in answers] for answers in run.answers]
    largest = _largest(chosen, run.times_ms)
    verdicts = _score(run, found, there, classes, largest)
    rows = tuple(
        Row(
            contender=one,
            known_classes=len(detectors[index].names),
            verdict=verdicts[index],
            objects=sum(len(keep_classes(answer, classes)) for answer in found[index]),
            times_ms=tuple(run.times_ms[index]),
            file_bytes=one.file_bytes,
            memory_bytes=memory[index],
            answers=tuple(found[index]),
            precision=detectors[index].precision,
            int8=measured_of(get_card(one.name)),
        )
        for index, one in enumerate(chosen)
    )
    reference = None if there is not None else chosen[largest].name
    return ComparisonTable(
        rows, classes, tuple(pictures), confidence, there, reference, unlabelled=unlabelled
    )


def _measured(contender: Contender, bar: "tqdm[NoReturn]") -> int | None:
    memory_bytes = measure_memory(contender)
    bar.update()
    return memory_bytes


def _read_all_labels(
    pictures: Sequence[Path], folder: Path | None
) -> tuple[tuple[Labels, ...] | None, int]:
    """Labels of each picture, or `None` without any; and the number of unlabelled pictures."""
    if folder and not folder.is_dir():
        raise ValueError(f"`labels` must be a folder of label files. Received: {folder}")
    files = [label_file(picture, folder) for picture in pictures]
    if not any(files):
        if folder:
            raise ValueError(f"{folder} has no label file for any of the pictures.")
        return None, 0
    return tuple(read_labels(file) if file else NOTHING for file in files), files.count(None)


def _classes_that_count(
    detectors: Sequence[Detector], labels: Sequence[Labels] | None
) -> tuple[str, ...]:
    known = [detector.names for detector in detectors]
    common = common_classes(known)
    if not common:
        raise ValueError(
            "the detectors have no class in common: "
            + "; ".join(f"{d.name} knows {', '.join(d.names[:5])}" for d in detectors)
        )
    if labels is None:
        return common
    labelled = known_classes(labels)
    counting = common_classes([labelled, common]) if labelled else ()
    if not counting:
        raise ValueError(
            "the labels have no object of a class that all detectors know, only "
            f"{', '.join(labelled[:8]) or 'empty pictures'}."
        )
    return counting


def _bar(
    pictures: Sequence[Path], contenders: Sequence[Contender], progress: bool
) -> "tqdm[NoReturn]":
    from tqdm.auto import tqdm

    detections = (1 + _rounds(pictures)) * len(pictures) * len(contenders)
    bar: tqdm[NoReturn] = tqdm(
        total=detections + len(contenders), unit="detection", disable=not progress
    )
    return bar


def _rounds(pictures: Sequence[Path]) -> int:
    return math.ceil(_LEAST_TIMED / len(pictures))


def _run_all(
    pictures: Sequence[Path],
    detectors: Sequence[Detector],
    confidence: float,
    *,
    with_labels: bool,
    bar: "tqdm[NoReturn]",
) -> _Run:
    run = _Run([[] for _ in detectors], [[] for _ in detectors], [])
    for picture in pictures:
        pixels = read_image(picture)
        run.sizes_wh.append((pixels.shape[1], pixels.shape[0]))
        for detector, answers in zip(detectors, run.answers, strict=True):
            lowest = min(_AP_CONFIDENCE, confidence) if with_labels else confidence
            answers.append(detector.detect(pixels, lowest))
            bar.update()
    for turn, picture in enumerate(list(pictures) * _rounds(pictures)):
        pixels = read_image(picture)
        for place in range(len(detectors)):
            index = (place + turn) % len(detectors)
            started = time.perf_counter()
            detectors[index].detect(pixels, confidence)
            run.times_ms[index].append((time.perf_counter() - started) * 1000)
            bar.update()
    return run


def _largest(contenders: Sequence[Contender], times_ms: Sequence[Sequence[float]]) -> int:
    """Index of the detector with the largest files; of equals, with the largest input."""
    return max(
        range(len(contenders)),
        key=lambda i: (contenders[i].file_bytes, contenders[i].side, sum(times_ms[i])),
    )


def _score(
    run: _Run,
    found: Sequence[Sequence[Detections]],
    labels: Sequence[Labels] | None,
    classes: Sequence[str],
    largest: int,
) -> list[Verdict]:
    if labels is None:
        return [score_against_reference(answers, found[largest], classes) for answers in found]
    return [
        score_against_labels(answers, labels, sizes_wh=run.sizes_wh, classes=classes)
        for answers in run.answers
    ]
