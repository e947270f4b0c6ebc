"""Judge nano and public detectors on photographs that training never saw, with intervals.

    python -m training.evaluate --photos ../shared/photos --weights ../shared/weights

The tune part is what recipes are chosen by. `--test` judges on the test part instead: once a
release, for the card, after everything is chosen. All detectors run in OpenCV on pictures squeezed
to the input that they have in the lab: nano as its `.cfg` says, the public ones to 416x416.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.darknet_detector import ASSETS, read_nano, read_public
from training.data import Picture, Sample, read_crowds, read_folder
from training.measure import Figure, judge, mean_count, mean_precision
from training.metrics import Found
from training.speed import speed_ratio
from training.split import Part, names_of, read_parts
from training.task import CLASSES

PUBLIC = ("yolo-fastest-1.1", "yolo-fastest-1.1-xl", "mobilenetv2-yolov3-nano")
FRUIT = CLASSES[:3]
SCENES = ("coco", "coco-more")
SMALL = 0.06  # objects with a side below this share of the picture are judged apart
CONFIDENCE = 0.5
LOWER = 0.3  # what is still found again, though with less confidence
TURN, DARKER = 8.0, 0.6  # degrees, and the share of the light that stays

Detect = Callable[[NDArray[np.uint8]], Found]


@dataclass(frozen=True)
class Photos:
    """The photographs of one part, by what they judge.

    Attributes:
        fruit: Photographs of fruit.
        clocks: Photographs of clocks.
        cars: Photographs of streets.
        scenes: COCO scenes that show one of the classes.
        empty: COCO scenes that show none.
        crowds: Names of those in which a crowd is not boxed.
    """

    fruit: Sequence[Sample]
    clocks: Sequence[Sample]
    cars: Sequence[Sample]
    scenes: Sequence[Sample]
    empty: Sequence[Sample]
    crowds: frozenset[str]


def read_photos(photos: Path, part: Part) -> Photos:
    """Reads the photographs of a part."""
    names, crowds = names_of(read_parts(photos), part), read_crowds(photos)
    scenes = [
        sample for folder in SCENES for sample in read_folder(photos / folder, CLASSES, only=names)
    ]
    filled = [sample for sample in scenes if (sample.boxes[:, 0] >= 0).any()]
    known = {sample.name for sample in filled} | crowds
    fruit, clocks, cars = (
        read_folder(photos / folder, CLASSES, only=names)
        for folder in ("fruit", "clock", "vehicles")
    )
    empty = [sample for sample in scenes if sample.name not in known]
    return Photos(fruit, clocks, cars, filled, empty, crowds)


def precision(
    detect: Detect,
    samples: Sequence[Sample],
    classes: Sequence[str],
    crowds: frozenset[str] = frozenset(),
    **limits: float,
) -> Figure:
    """Gives the mean AP50 of some classes.

    Args:
        detect: Gives the detections of a picture.
        samples: Photographs in which these classes are labelled.
        classes: Their names.
        crowds: Names of photographs that show a crowd.
        limits: `smallest` and `largest` of `measure.judge`.
    """
    found = [detect(sample.picture) for sample in samples]
    truth = [sample.boxes for sample in samples]
    crowded = [sample.name in crowds for sample in samples]
    labels = [CLASSES.index(name) for name in classes]
    return mean_precision(
        [judge(found, truth, label, crowded=crowded, **limits) for label in labels]
    )


def found_again(
    detect: Detect, samples: Sequence[Sample], confidence: float = CONFIDENCE
) -> Figure:
    """Gives the share of objects above 0.5 that are found in changed copies as well.

    The copies are mirrored, turned by 8 degrees either way, and darkened. An object is found again
    if the copy has a detection of its class that holds the object's centre.

    Args:
        detect: Gives the detections of a picture.
        samples: The photographs.
        confidence: What a detection in a copy must be above.
    """
    changes: list[Callable[[Picture], tuple[Picture, NDArray[np.float64]]]]
    changes = [mirrored, lambda p: rotated(p, TURN), lambda p: rotated(p, -TURN), darkened]
    shares = []
    for sample in samples:
        first = confident(detect(sample.picture))
        for change in changes if len(first) else ():
            picture, move = change(sample.picture)
            shares.append(_matched(first, confident(detect(picture), confidence), move))
    flat = [share for group in shares for share in group]
    return mean_count(flat)


def confident(found: Found, confidence: float = CONFIDENCE) -> Found:
    """Gives the detections above a confidence."""
    return found[found[:, 1] > confidence]


def mirrored(picture: Picture) -> tuple[Picture, NDArray[np.float64]]:
    """Gives the mirror image, and the (2, 3) matrix that moves points, as shares, along."""
    return cv2.flip(picture, 1), np.array([[-1.0, 0, 1], [0, 1, 0]])


def darkened(picture: Picture) -> tuple[Picture, NDArray[np.float64]]:
    """Gives a darker copy, and the (2, 3) matrix that leaves points where they are."""
    return cv2.convertScaleAbs(picture, alpha=DARKER), np.eye(2, 3)


def rotated(picture: Picture, angle: float) -> tuple[Picture, NDArray[np.float64]]:
    """Gives a copy turned around its centre, and the (2, 3) matrix that moves points, as shares."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    copy = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    size = np.array([width, height])
    return copy, np.c_[turn[:, :2] * size / size[:, None], turn[:, 2] / size]


def _matched(first: Found, second: Found, move: NDArray[np.float64]) -> list[bool]:
    """Tells for each detection whether a second one of its class holds its moved centre."""
    centres = (first[:, 2:4] + first[:, 4:]) / 2 @ move[:, :2].T + move[:, 2]
    inside = [
        bool(
            (
                (second[:, 0] == row[0])
                & (second[:, 2:4] <= centre).all(axis=1)
                & (second[:, 4:] >= centre).all(axis=1)
            ).any()
        )
        for row, centre in zip(first, centres, strict=True)
    ]
    seen = ((centres >= 0) & (centres <= 1)).all(axis=1)
    return [found for found, visible in zip(inside, seen, strict=True) if visible]


def measure(detect: Detect, photos: Photos) -> dict[str, Figure]:
    """Gives all figures of one detector."""
    result = {name: precision(detect, photos.fruit, [name]) for name in FRUIT}
    result["fruit"] = precision(detect, photos.fruit, FRUIT)
    result["clocks"] = precision(detect, photos.clocks, ["clock"])
    result["cars"] = precision(detect, photos.cars, ["car"], smallest=SMALL)
    result["small cars"] = precision(detect, photos.cars, ["car"], largest=SMALL)
    scenes = (detect, photos.scenes, CLASSES, photos.crowds)
    result["scenes"] = precision(*scenes, smallest=SMALL)
    result["small in scenes"] = precision(*scenes, largest=SMALL)
    alarms = [len(confident(detect(sample.picture))) for sample in photos.empty]
    result["false alarms"] = mean_count(alarms)
    everything = [*photos.fruit, *photos.clocks, *photos.cars]
    result["found again"] = found_again(detect, everything)
    result["again above 0.3"] = found_again(detect, everything, LOWER)
    return result


def print_table(results: Mapping[str, Mapping[str, Figure]]) -> None:
    """Prints one line a figure, one column a detector."""
    print(f"{'':18}{'n':>6}" + "".join(f"{name:>26}" for name in results))
    for name in next(iter(results.values())):
        figures = [result[name] for result in results.values()]
        cells = [f"{f.value:.3f} ({f.low:.2f} to {f.high:.2f})" for f in figures]
        print(f"{name:18}{figures[0].objects:6}" + "".join(f"{cell:>26}" for cell in cells))


def main() -> None:
    """Prints what MODEL_CARD.md says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="folder of public detectors, to judge as well")
    parser.add_argument("--nano", type=Path, default=ASSETS, help="folder of nano.cfg and the rest")
    parser.add_argument("--former", type=Path, help="folder of another nano, to judge as well")
    parser.add_argument("--test", action="store_true", help="the test part: once a release")
    parser.add_argument("--json", type=Path, help="file for the same figures")
    options = parser.parse_args()
    photos = read_photos(options.photos, "test" if options.test else "tune")
    detectors = {"nano": read_nano(options.nano)}
    if options.former:
        detectors["former nano"] = read_nano(options.former)
    if options.weights:
        detectors |= {name: read_public(name, options.weights) for name in PUBLIC}
    results = {name: measure(detector.detect, photos) for name, detector in detectors.items()}
    print_table(results)
    if options.weights:
        print(speed_ratio(options.nano, options.weights / "yolov3-tiny.cfg"))
    if options.json:
        figures = {
            detector: {name: asdict(figure) for name, figure in result.items()}
            for detector, result in results.items()
        }
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
