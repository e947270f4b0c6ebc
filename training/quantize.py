"""Calibrate nano for int8, as it ships.

    python -m training.quantize --photos ../shared/photos

Calibrates on photographs of the train part and on our own pictures, measures the loss on those of
the tune part, and writes the file into the package. `--test` measures the file that the package has
on the test part, and writes nothing.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from detectlab.detection.calibrations import Measured, find_calibration
from detectlab.detection.networks import network_of
from detectlab.engines.calibration import read_measured
from detectlab.models.registry import get_card
from detectlab.quantize import quantize_detector
from detectlab.quantize.measure import count_steps, measure
from detectlab.settings import Settings
from training.darknet_detector import ASSETS
from training.split import Part, assign, seen

JUDGED = ("fruit", "clock", "vehicles")
SCENES = ("coco", "coco-more")
PICTURES = Path(__file__).parents[1] / "images"
COUNT = 300


def photographs(photos: Path, part: Part, folders: tuple[str, ...]) -> list[Path]:
    """Gives the photographs of a part by the digest of their names, sorted.

    Near duplicates of others are not looked for: a calibration learns ranges, not objects.
    """
    files = sorted(file for folder in folders for file in (photos / folder).glob("*.jpg"))
    names = [f"{file.parent.name}/{file.stem}" for file in files]
    parts = assign(names, seen(names), [])
    return [file for file, name in zip(files, names, strict=True) if parts[name] == part]


def test(photos: Path) -> Measured:
    """Measures the calibration that the package has on the test part."""
    settings = Settings(offline=True)
    card = get_card("nano", settings)
    calibration = find_calibration(card, settings)
    if calibration is None:
        raise SystemExit("nano is not calibrated with these weights.")
    network = replace(network_of(card, settings), calibration=calibration)
    pictures = photographs(photos, "test", (*JUDGED, *SCENES))
    calibrated_on = Measured.of(read_measured(calibration)).calibrated_on
    with tqdm(total=count_steps(pictures), unit="picture") as bar:
        return measure(card, network, pictures, calibrated_on, bar)


def main() -> None:
    """Writes `nano-DIGEST.int8`, and prints what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--test", action="store_true", help="measure what the package has")
    parser.add_argument("--out", type=Path, default=ASSETS, help="folder for the file")
    options = parser.parse_args()
    if options.test:
        print(test(options.photos))
        return
    training = photographs(options.photos, "train", (*JUDGED, *SCENES))
    places = np.linspace(0, len(training) - 1, COUNT).astype(int)
    calibrating = [*sorted(PICTURES.glob("*.jpg")), *(training[place] for place in places)]
    measuring = photographs(options.photos, "tune", (*JUDGED, *SCENES))
    file, measured = quantize_detector(
        "nano",
        calibrating=calibrating,
        measuring=measuring,
        folder=options.out,
    )
    print(f"{file}\n{measured}")


if __name__ == "__main__":
    main()
