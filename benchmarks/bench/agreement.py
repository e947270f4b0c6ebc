"""Whether `fast` still says what float32 says, on photographs.

    python -m bench.agreement MODEL FOLDER... [--count 200]

An object that float32 finds above 0.5 counts as found again when `fast` has one of its class whose
box has an IoU of at least 0.95 and whose confidence is within 0.03, however close to 0.5 it lies.
Printed as JSON.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from detectlab.detection.detector import load_detector
from detectlab.vision.detections import Detections
from detectlab.vision.images import read_image
from detectlab.vision.metrics import match

CONFIDENCE, MIN_IOU, TOLERANCE = 0.5, 0.95, 0.03


def found_again(baseline: Detections, other: Detections) -> int:
    """How many objects of the baseline the other one has too."""
    return sum(
        abs(float(baseline.confidence[row]) - float(other.confidence[column])) <= TOLERANCE
        for row, column in match(baseline, other, min_iou=MIN_IOU)
    )


def spread_out(folders: list[Path], count: int) -> list[Path]:
    """As many photographs of each folder, evenly spread over it."""
    chosen: list[Path] = []
    for number, folder in enumerate(folders):
        files = sorted(folder.glob("*.jpg"))
        wanted = min(len(files), (count - len(chosen)) // (len(folders) - number))
        places = np.linspace(0, len(files) - 1, wanted).astype(int) if wanted else []
        chosen += [files[place] for place in places]
    return chosen


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=200)
    options = parser.parse_args()
    exact = load_detector(options.model, precision="float32")
    fast = load_detector(options.model, precision="fast")
    objects = again = 0
    photographs = spread_out(options.folders, options.count)
    for path in photographs:
        pixels = read_image(path)
        baseline = exact.detect(pixels, CONFIDENCE)
        # Asked below the limit: what fell just under it agrees as well as what stayed above.
        other = fast.detect(pixels, CONFIDENCE - TOLERANCE)
        objects += len(baseline)
        again += found_again(baseline, other)
    json.dump({"photographs": len(photographs), "objects": objects, "again": again}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
