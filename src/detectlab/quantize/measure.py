"""What int8 costs in accuracy and gains in time, against float32 on the same pictures."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from detectlab.compare.scoring import score_against_labels
from detectlab.compare.table import common_classes
from detectlab.detection.calibrations import Measured
from detectlab.detection.detector import NetworkDetector
from detectlab.engines import Engine, Network, open_engine
from detectlab.engines.processor import processor_name
from detectlab.models.registry import ModelCard
from detectlab.vision.detections import Detections
from detectlab.vision.images import read_image
from detectlab.vision.labels import known_classes, label_file, read_labels
from detectlab.vision.metrics import match

if TYPE_CHECKING:
    from tqdm import tqdm

_CONFIDENCE = 0.5
# An object that falls just below the limit is kept.
_TOLERANCE = 0.05
_AP_CONFIDENCE = 0.01
_TIMED, _WARM_UP = 30, 3
_PRECISIONS = ("float32", "int8")


def count_steps(pictures: Sequence[Path]) -> int:
    """How often `measure` updates the bar."""
    return len(pictures) + _TIMED


def measure(
    card: ModelCard,
    network: Network,
    pictures: Sequence[Path],
    calibrated_on: int,
    bar: "tqdm[NoReturn]",
) -> Measured:
    """Measure a calibrated network.

    Args:
        card: The detector.
        network: Its network, with the calibration.
        pictures: Pictures that it was not calibrated on.
        calibrated_on: Number of those that it was.
        bar: Progress bar, updated `count_steps` times.
    """
    engines = [
        open_engine(network, "openvino", precision=name, concurrency=os.cpu_count() or 1)
        for name in _PRECISIONS
    ]
    detectors = [
        NetworkDetector(card.name, card.classes, engine, card.decoder, fitting=card.fitting)
        for engine in engines
    ]
    found: tuple[list[Detections], list[Detections]] = ([], [])
    sizes_wh = []
    for picture in pictures:
        pixels = read_image(picture)
        sizes_wh.append((pixels.shape[1], pixels.shape[0]))
        for detector, answers in zip(detectors, found, strict=True):
            answers.append(detector.detect(pixels, _AP_CONFIDENCE))
        bar.update()
    return Measured(
        calibrated_on=calibrated_on,
        pictures=len(pictures),
        objects=sum(len(one.above(_CONFIDENCE)) for one in found[0]),
        kept=min(_kept(*found), _kept(found[1], found[0])),
        ap50=_precisions(card, pictures, found, sizes_wh),
        ms=_times(engines, bar),
        processor=processor_name(),
    )


def _kept(baseline: Sequence[Detections], other: Sequence[Detections]) -> float:
    """Share of the baseline's objects above 0.5 that the other one finds above 0.45."""
    objects = kept = 0
    for one, two in zip(baseline, other, strict=True):
        sure = one.above(_CONFIDENCE)
        objects += len(sure)
        kept += len(match(sure, two.above(_CONFIDENCE - _TOLERANCE)))
    return kept / objects if objects else 1.0


def _precisions(
    card: ModelCard,
    pictures: Sequence[Path],
    found: tuple[list[Detections], list[Detections]],
    sizes_wh: Sequence[tuple[int, int]],
) -> tuple[float, float] | None:
    """Mean AP50 of both over the pictures with labels; `None` without any."""
    files = [label_file(picture) for picture in pictures]
    places = [index for index, file in enumerate(files) if file]
    labels = [read_labels(file) for file in files if file]
    labelled = known_classes(labels)
    classes = common_classes([labelled, card.classes]) if labelled else ()
    if not classes:
        return None
    one, other = (
        score_against_labels(
            [answers[index] for index in places],
            labels,
            sizes_wh=[sizes_wh[index] for index in places],
            classes=classes,
        ).score
        for answers in found
    )
    return round(one, 4), round(other, 4)


def _times(engines: Sequence[Engine], bar: "tqdm[NoReturn]") -> tuple[float, float]:
    """Milliseconds of each network alone, in turns: the shortest of many."""
    width, height = engines[0].input_size_wh
    picture = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    spent: tuple[list[float], list[float]] = ([], [])
    for turn in range(_WARM_UP + _TIMED):
        for engine, times in zip(engines, spent, strict=True):
            started = time.perf_counter()
            engine.run(picture)
            times.append((time.perf_counter() - started) * 1000)
        if turn >= _WARM_UP:
            bar.update()
    one, other = (round(min(times[_WARM_UP:]), 2) for times in spent)
    return one, other
