"""A baseline from a folder of pictures, with the detector's precision where they have labels."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from detectlab.detection.detector import Detector
from detectlab.monitoring.baseline import Baseline, Calibration
from detectlab.monitoring.sketch import Sketch
from detectlab.monitoring.statistics import (
    PICTURE,
    answer_statistics,
    bins_of,
    picture_statistics,
)
from detectlab.vision.detections import Detections
from detectlab.vision.images import ImageError, decode_image, thumbnail
from detectlab.vision.labels import label_file, read_labels
from detectlab.vision.metrics import match


def baseline_of_pictures(
    detector: Detector,
    pictures: Sequence[Path],
    *,
    max_pixels: int,
    on_skipped: Callable[[str], None] = lambda text: None,
) -> Baseline:
    """The baseline of picture files.

    Args:
        detector: Finds the objects in them.
        pictures: The files. The detector's precision is measured on those with a label file.
        max_pixels: Maximum of width x height.
        on_skipped: Told about each file that is no usable picture.

    Raises:
        TooFewPictures: There are too few to tell what is usual.
        ValueError: A label file is malformed.
    """
    sketch, labelled = Sketch(), []
    for path in pictures:
        data = path.read_bytes()
        try:
            pixels = decode_image(data, max_pixels).pixels
        except ImageError as error:
            on_skipped(f"{path}: {error}")
            continue
        size_wh = pixels.shape[1], pixels.shape[0]
        found = detector.detect(pixels)
        picture = picture_statistics(thumbnail(pixels), size_wh, len(data))
        answer = answer_statistics(found, size_wh)
        sketch.add(bins_of(np.where(PICTURE, picture, answer)))
        file = label_file(path)
        if file:
            labelled.append(_judge(found, file, size_wh))
    folders = sorted({path.parent.name for path in pictures})
    source = f"{sketch.pictures} pictures of {', '.join(folders[:3])}"
    calibration = _calibration(labelled)
    return Baseline.freeze(
        detector.name,
        sketch,
        classes=detector.names,
        source=source,
        calibration=calibration,
    )


def _judge(found: Detections, file: Path, size_wh: tuple[int, int]) -> tuple[int, int, float]:
    """How many objects were found, how many of them are right, and the sum of confidences."""
    truth = read_labels(file).objects(size_wh)
    return len(found), len(match(truth, found)), float(found.confidence.sum())


def _calibration(judged: Sequence[tuple[int, int, float]]) -> Calibration | None:
    objects = sum(one[0] for one in judged)
    if not objects:
        return None
    right, confidence = sum(one[1] for one in judged), sum(one[2] for one in judged)
    return Calibration(objects, right, confidence / objects)
