"""Cut the objects of one class out of labelled photographs, to paste them into others.

    python -m training.cut_out --photos PHOTOS --folder vehicles --label car --out RUN/cuts

It takes the photographs of the train part. GrabCut (`car_photos.cut_car`) does not find every
outline: look at the pictures, and delete the bad ones.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from training.car_photos import cut_car
from training.data import Sample, read_folder
from training.draw_clock import Sprite
from training.split import names_of, read_parts
from training.task import CLASSES

LEAST_SIDE = 60  # pixels
FILLED = 0.45, 0.92  # shares of its box that an outline may fill: below and above it has failed


def cut_out(sample: Sample, label: int) -> Iterator[tuple[int, Sprite]]:
    """Gives the objects of a class that could be cut out, with their numbers in the picture.

    Args:
        sample: A labelled photograph.
        label: The number of the class.
    """
    height, width = sample.picture.shape[:2]
    for number, box in enumerate(sample.boxes):
        left, top, right, bottom = np.rint(box[1:] * [width, height, width, height]).astype(int)
        inside = left > 0 and top > 0 and right < width and bottom < height
        if int(box[0]) != label or not inside or min(right - left, bottom - top) < LEAST_SIDE:
            continue
        sprite = cut_car(sample.picture, (left, top, right, bottom))
        if FILLED[0] <= (sprite[..., 3] > 127).mean() <= FILLED[1]:
            yield number, sprite


def main() -> None:
    """Writes a PNG picture with transparency for each object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="folders of photographs")
    parser.add_argument("--folder", required=True, help="the one to take objects from")
    parser.add_argument("--label", choices=CLASSES, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    options = parser.parse_args()
    names = names_of(read_parts(options.photos), "train")
    samples = read_folder(options.photos / options.folder, CLASSES, only=names)
    options.out.mkdir(parents=True, exist_ok=True)
    for sample in tqdm(samples, unit="photo"):
        for number, sprite in cut_out(sample, CLASSES.index(options.label)):
            name = f"{options.label}-{sample.name.replace('/', '-')}-{number}.png"
            cv2.imwrite(str(options.out / name), sprite)


if __name__ == "__main__":
    main()
