"""Asking several detectors about the same pictures, by turns."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from detectlab.compare.contender import Contender
from detectlab.compare.memory import measure_memory
from detectlab.compare.scoring import Verdict, judge_by_labels, judge_by_reference, only
from detectlab.compare.table import Comparison, Row, common_classes
from detectlab.detection.detector import Detector, load_detector
from detectlab.vision.detections import Detections
from detectlab.vision.images import read_image
from detectlab.vision.labels import NOTHING, Labels, known_classes, label_file, read_labels

if TYPE_CHECKING:
    from tqdm import tqdm

_ENOUGH = 20  # detections to time, at least
_LOWEST = 0.01  # confidence from which AP50 is computed


class _Asked(NamedTuple):
    """Per detector, its answers and its milliseconds; and the pictures' sizes."""

    answers: list[list[Detections]]
    times_ms: list[list[float]]
    sizes_wh: list[tuple[int, int]]


def compare_detectors(
    pictures: Sequence[Path],
    contenders: Sequence[Contender | str],
    labels: Path | None = None,
    confidence: float = 0.5,
    progress: bool = True,
) -> Comparison:
    """Measure what several detectors find in the same pictures, and what that costs.

    Each picture is given to all of them before the next one, and they take turns in being first,
    so that whatever else the machine does hits them alike. The first round over all pictures finds
    the objects, and warms up: it is not timed. Every detector is timed 20 times or more.

    Args:
        pictures: Files.
        contenders: The detectors, as `Contender.parse` reads them; fetched where they are missing.
        labels: Folder of the label files; by default they are looked for beside the pictures. See
            `detectlab.vision.labels`. Without any, the largest detector is the measure.
        confidence: Above which an object counts as found, in `[0, 1]`.
        progress: Whether to show a bar.

    Raises:
        ValueError: There is no such detector, no picture, no class that all know, or a label file
            is wrong.
        WeightsError: A detector cannot be fetched.
        ImageError: A file is no picture.
        OSError: A file cannot be read.
    """
    if not pictures:
        raise ValueError("`pictures` must name at least one picture. Received: none")
    chosen = [Contender.parse(one) if isinstance(one, str) else one for one in contenders]
    chosen = list(dict.fromkeys(chosen))
    if not chosen:
        raise ValueError("`contenders` must name at least one detector. Received: none")
    there, unlabelled = _read_all_labels(pictures, labels)
    detectors = [load_detector(one.model, input_size=one.input_size) for one in chosen]
    classes = _classes_that_count(detectors, there)
    with _bar(pictures, chosen, progress) as bar:
        asked = _ask_all(pictures, detectors, confidence, there is not None, bar)
        memory = []
        for one in chosen:
            memory.append(measure_memory(one))
            bar.update()
    found = [[answer.above(confidence) for answer in answers] for answers in asked.answers]
    largest = _largest(chosen, asked.times_ms)
    verdicts = _judge(asked, found, there, classes, largest)
    rows = tuple(
        Row(
            contender=one,
            known_classes=len(detectors[index].names),
            verdict=verdicts[index],
            objects=sum(len(only(answer, classes)) for answer in found[index]),
            times_ms=tuple(asked.times_ms[index]),
            file_bytes=one.file_bytes,
            memory_bytes=memory[index],
            answers=tuple(found[index]),
        )
        for index, one in enumerate(chosen)
    )
    return Comparison(
        rows=rows,
        classes=classes,
        pictures=tuple(pictures),
        confidence=confidence,
        labels=there,
        reference=None if there is not None else chosen[largest].name,
        unlabelled=unlabelled,
    )


def _read_all_labels(
    pictures: Sequence[Path], folder: Path | None
) -> tuple[tuple[Labels, ...] | None, int]:
    """What is in each picture, or `None`; and how many have no labels."""
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
            f"the labels have no object of a class that all detectors know: there is "
            f"{', '.join(labelled[:8]) or 'nothing'}."
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
    return math.ceil(_ENOUGH / len(pictures))


def _ask_all(
    pictures: Sequence[Path],
    detectors: Sequence[Detector],
    confidence: float,
    judged: bool,
    bar: "tqdm[NoReturn]",
) -> _Asked:
    asked = _Asked([[] for _ in detectors], [[] for _ in detectors], [])
    for picture in pictures:
        pixels = read_image(picture)
        asked.sizes_wh.append((pixels.shape[1], pixels.shape[0]))
        for detector, answers in zip(detectors, asked.answers, strict=True):
            lowest = min(_LOWEST, confidence) if judged else confidence
            answers.append(detector.detect(pixels, lowest))
            bar.update()
    for turn, picture in enumerate(list(pictures) * _rounds(pictures)):
        pixels = read_image(picture)
        for place in range(len(detectors)):
            index = (place + turn) % len(detectors)
            started = time.perf_counter()
            detectors[index].detect(pixels, confidence)
            asked.times_ms[index].append((time.perf_counter() - started) * 1000)
            bar.update()
    return asked


def _largest(contenders: Sequence[Contender], times_ms: Sequence[Sequence[float]]) -> int:
    """The index of the detector with the largest files; of the same files, the largest input."""
    return max(
        range(len(contenders)),
        key=lambda i: (contenders[i].file_bytes, contenders[i].side, sum(times_ms[i])),
    )


def _judge(
    asked: _Asked,
    found: Sequence[Sequence[Detections]],
    labels: Sequence[Labels] | None,
    classes: Sequence[str],
    largest: int,
) -> list[Verdict]:
    if labels is None:
        return [judge_by_reference(answers, found[largest], classes) for answers in found]
    return [judge_by_labels(answers, labels, asked.sizes_wh, classes) for answers in asked.answers]
