"""Show what a threshold does: how much is found, how much of it is right, and false alarms.

    python -m training.thresholds --photos ../shared/photos

Judges on the tune part, on objects from 6 % of a side, as `training.evaluate` does.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.darknet_detector import ASSETS, read_nano
from training.data import Sample
from training.evaluate import FRUIT, SMALL, Detect, Photos, read_photos
from training.measure import Verdicts, judge
from training.task import CLASSES

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True)
class Row:
    """What a detector does above a threshold.

    Attributes:
        threshold: The lowest score that counts.
        found: Share of the objects that are found, for each group of classes.
        right: Share of the detections that are right, for each group; nan without any.
        alarms: Detections a picture in scenes without any of the classes.
    """

    threshold: float
    found: dict[str, float]
    right: dict[str, float]
    alarms: float


def _shares(classes: Sequence[Verdicts], threshold: float) -> tuple[float, float]:
    counted = [verdicts.right[verdicts.scores > threshold] for verdicts in classes]
    right, total = sum(int(c.sum()) for c in counted), sum(len(c) for c in counted)
    objects = sum(int(verdicts.objects.sum()) for verdicts in classes)
    return right / max(objects, 1), right / total if total else float("nan")


def table(detect: Detect, photos: Photos, thresholds: Sequence[float] = THRESHOLDS) -> list[Row]:
    """Gives a row for each threshold.

    Args:
        detect: Gives the detections of a picture.
        photos: The photographs to judge on.
        thresholds: From 0 to 1.
    """

    def verdicts(samples: Sequence[Sample], names: Sequence[str]) -> list[Verdicts]:
        found = [detect(sample.picture) for sample in samples]
        truth = [sample.boxes for sample in samples]
        return [judge(found, truth, CLASSES.index(name), smallest=SMALL) for name in names]

    groups = {
        "fruit": verdicts(photos.fruit, FRUIT),
        "clocks": verdicts(photos.clocks, ["clock"]),
        "cars": verdicts(photos.cars, ["car"]),
    }
    scores = [detect(sample.picture)[:, 1] for sample in photos.empty]
    rows = []
    for threshold in thresholds:
        shares = {name: _shares(group, threshold) for name, group in groups.items()}
        alarms = np.mean([(some > threshold).sum() for some in scores]) if scores else np.nan
        found, right = ({name: pair[i] for name, pair in shares.items()} for i in (0, 1))
        rows.append(Row(threshold, found, right, float(alarms)))
    return rows


def print_rows(rows: Sequence[Row]) -> None:
    """Prints one line a threshold: found and right of each group, and false alarms a picture."""
    groups = list(rows[0].found)
    print("above" + "".join(f"{f'{name}: found, right':>24}" for name in groups) + "   alarms")
    for row in rows:
        cells = [f"{row.found[name]:.2f}, {row.right[name]:.2f}" for name in groups]
        print(f"{row.threshold:5.2f}" + "".join(f"{c:>24}" for c in cells) + f"{row.alarms:9.3f}")


def main() -> None:
    """Prints the table of nano."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--nano", type=Path, default=ASSETS, help="folder of nano.cfg and the rest")
    options = parser.parse_args()
    print_rows(table(read_nano(options.nano).detect, read_photos(options.photos, "tune")))


if __name__ == "__main__":
    main()
