"""Gather photographs of cars out of Debian packages, labelled and cut out.

    python -m training.car_photos --packages UNPACKED --out RUN/real

`UNPACKED` holds what `dpkg -x` takes from `libdlib19.1`, `opencv-doc`, `labelme-examples` and
`tuxpaint-stamps-default`. The labels in `car_photos.json` are ours: boxes in pixels of each
picture (`unclear` ones teach nothing), windows to crop, and the cars that are cut out. The pictures
are training data, and no part of this repository.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data import IGNORE, Picture
from training.draw_clock import Sprite
from training.task import CLASSES

LABELS = Path(__file__).with_suffix(".json")
LEAST_SEEN, ENOUGH = 0.08, 0.4  # shares of a car in a window: dropped below, ignored between
WIDE = 200, 420  # pixels of a picture from which a car is cut
MARGIN = 1 / 8  # of a car's size, around it
ROUNDS = 6  # of GrabCut
STAMPS = "usr/share/tuxpaint/stamps"
STAMPED_CARS = ("beetle", "sedan", "sportscar2")
STAMPED_THINGS = (
    "vehicles/garbagetruck",
    "vehicles/emergency/firetruck",
    "vehicles/masstransit/green_korean_bus",
    "vehicles/construction/dumper",
    "vehicles/wheel_tractor",
    "vehicles/7spoke256",
    "vehicles/cycle/pink_tricycle",
    "household/toilet",
    "household/wheelie_bin",
    "household/garbagecan",
    "household/kettle",
    "household/rubberduck",
)

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels


@dataclass(frozen=True)
class Photo:
    """A photograph with its labels.

    Attributes:
        picture: (height, width, 3) uint8, BGR.
        cars: Boxes of cars.
        unclear: Boxes of what may be a car, or is a van or a pickup.
    """

    picture: Picture
    cars: Sequence[Box]
    unclear: Sequence[Box]


def read_photo(packages: Path, entry: dict[str, object]) -> Photo:
    """Reads one entry of the labels' `pictures`; lines drawn into it are painted over."""
    path = packages / str(entry["file"])
    if "frame" in entry:
        video = cv2.VideoCapture(str(path))
        for _ in range(int(entry["frame"]) + 1):
            read, picture = video.read()
        picture = picture if read else None
    else:
        picture = cv2.imread(str(path))
    if picture is None:
        raise FileNotFoundError(f"`{path}` must be a picture or a film: unpack its package there")
    left, top, right, bottom = entry.get("part", (0, 0, *picture.shape[1::-1]))
    picture = picture[top:bottom, left:right].copy()
    if "lines" in entry:
        picture = without_lines(picture, str(entry["lines"]))
    return Photo(picture, entry["cars"], entry.get("unclear", ()))


def without_lines(picture: Picture, colour: str) -> Picture:
    """Paints over the lines, red or blue, that an example drew into its picture."""
    blue, green, red = (channel.astype(int) for channel in cv2.split(picture))
    if colour == "red":
        drawn = (red - green > 60) & (red - blue > 60)
    else:
        drawn = (blue - green > 70) & (blue - red > 70)
        drawn[:100] = False  # the sky
    mask = cv2.dilate(drawn.astype(np.uint8), np.ones((3, 3), np.uint8))
    picture = cv2.inpaint(picture, mask, 4, cv2.INPAINT_TELEA)
    if colour == "red":  # into a grey picture: no trace of the colour stays
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return picture


def label_window(photo: Photo, window: Box) -> list[str]:
    """Gives the lines of the label file for a part of a photograph."""
    left, top, right, bottom = window
    low, high = np.array([left, top]), np.array([right, bottom])
    car = CLASSES.index("car")
    lines = []
    labelled = [(car, box) for box in photo.cars] + [(IGNORE, box) for box in photo.unclear]
    for label, box in labelled:
        corners = np.array(box).reshape(2, 2)
        first, last = np.maximum(corners[0], low), np.minimum(corners[1], high)
        if (last <= first).any():
            continue
        share = (last - first).prod() / (corners[1] - corners[0]).prod()
        if share < LEAST_SEEN:
            continue
        x, y = ((first + last) / 2 - low) / (high - low)
        width, height = (last - first) / (high - low)
        number = label if share >= ENOUGH else IGNORE
        lines.append(f"{number} {x:.5f} {y:.5f} {width:.5f} {height:.5f}")
    return lines


def cut_car(picture: Picture, box: Box) -> Sprite:
    """Cuts a car out of a photograph with GrabCut, which is told that the box's middle is car."""
    x0, y0, x1, y1 = box
    across, up = max(6, int((x1 - x0) * MARGIN)), max(6, int((y1 - y0) * MARGIN))
    left, top = max(0, x0 - across), max(0, y0 - up)
    around = picture[top : y1 + up, left : x1 + across]
    scale = max(1.0, WIDE[0] / (x1 - x0))
    scale = min(scale, WIDE[1] / around.shape[1])
    around = cv2.resize(around, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    x0, x1 = (int((x - left) * scale) for x in (x0, x1))
    y0, y1 = (int((y - top) * scale) for y in (y0, y1))
    mask = np.full(around.shape[:2], cv2.GC_BGD, np.uint8)
    mask[y0:y1, x0:x1] = cv2.GC_PR_FGD
    middle = ((x0 + x1) // 2, int(y0 + 0.55 * (y1 - y0)))
    half = (int(0.38 * (x1 - x0)), int(0.3 * (y1 - y0)))
    cv2.ellipse(mask, middle, half, 0, 0, 360, cv2.GC_FGD, -1)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(around, mask, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    opacity = largest_piece(np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8))
    sprite = np.dstack([around, cv2.GaussianBlur(opacity * 255, (3, 3), 0)])
    x, y, width, height = cv2.boundingRect(opacity)
    return sprite[y : y + height, x : x + width]


def largest_piece(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Gives the largest connected piece of a mask of 0 and 1, smoothed, without holes."""
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disc)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(mask)
    cv2.drawContours(filled, [max(outlines, key=cv2.contourArea)], -1, 1, -1)
    return cv2.erode(filled, np.ones((2, 2), np.uint8))


def copy_stamps(packages: Path, cars: Path, things: Path) -> None:
    """Copies cut-out photographs: of cars, and of things that are none of the classes."""
    folder = packages / STAMPS
    chosen = [(f"vehicles/auto/{name}", cars, "car") for name in STAMPED_CARS]
    chosen += [(name, things, "none") for name in STAMPED_THINGS]
    for name, out, label in chosen:
        picture = (folder / f"{name}.png").read_bytes()
        (out / f"{label}-{Path(name).name}.png").write_bytes(picture)


def main() -> None:
    """Writes three folders: `cars` (photographs), `cuts` (cut-out cars), `none` (other things)."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packages", type=Path, required=True, help="unpacked packages")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    options = parser.parse_args()
    labels = json.loads(LABELS.read_text())
    entries = labels["pictures"].items()
    photos = {name: read_photo(options.packages, entry) for name, entry in entries}
    cars, cuts, none = (options.out / name for name in ("cars", "cuts", "none"))
    for folder in (cars, cuts, none):
        folder.mkdir(parents=True, exist_ok=True)
    (cars / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    for number, (name, *window) in enumerate(labels["windows"]):
        left, top, right, bottom = window
        path = cars / f"{number:02d}-{name}.png"
        cv2.imwrite(str(path), photos[name].picture[top:bottom, left:right])
        lines = label_window(photos[name], (left, top, right, bottom))
        path.with_suffix(".txt").write_text("".join(f"{line}\n" for line in lines))
    for name, photo, number in labels["cuttings"]:
        car = cut_car(photos[photo].picture, photos[photo].cars[number])
        cv2.imwrite(str(cuts / f"car-{name}.png"), car)
    copy_stamps(options.packages, cuts, none)


if __name__ == "__main__":
    main()
