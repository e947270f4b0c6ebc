"""Calibrate nano for int8, as it ships.

    python -m training.quantize --photos ../shared/photos

Calibrates on photographs of the train part and on our own pictures, measures the loss on those of
the tune part, and writes the file into the package.
"""

import argparse
from pathlib import Path

import numpy as np

from detectlab.quantize import quantize_detector
from training.darknet_detector import ASSETS
from training.split import Part, assign, seen

JUDGED = ("fruit", "clock", "vehicles")
SCENES = ("coco", "coco-more")
PICTURES = Path(__file__).parents[1] / "images"
COUNT = 150


def photographs(photos: Path, part: Part, folders: tuple[str, ...]) -> list[Path]:
    """Gives the photographs of a part by the digest of their names, sorted.

    Near duplicates of others are not looked for: a calibration learns ranges, not objects.
    """
    files = sorted(file for folder in folders for file in (photos / folder).glob("*.jpg"))
    names = [f"{file.parent.name}/{file.stem}" for file in files]
    parts = assign(names, seen(names), [])
    return [file for file, name in zip(files, names, strict=True) if parts[name] == part]


def main() -> None:
    """Writes `nano-DIGEST.int8`, and prints what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=ASSETS, help="folder for the file")
    options = parser.parse_args()
    training = photographs(options.photos, "train", (*JUDGED, *SCENES))
    places = np.linspace(0, len(training) - 1, COUNT).astype(int)
    calibrating = [*sorted(PICTURES.glob("*.jpg")), *(training[place] for place in places)]
    measuring = photographs(options.photos, "tune", JUDGED)
    file, measured = quantize_detector(
        "nano", calibrating=calibrating, measuring=measuring, folder=options.out
    )
    print(f"{file}\n{measured}")


if __name__ == "__main__":
    main()
