"""Draw what an exported detector finds on pictures of yours.

    python -m training.look PICTURE... --out grid.jpg

Prints every detection above `--confidence` as well.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from training.darknet_detector import ASSETS, read_nano
from training.data import Picture
from training.metrics import Found
from training.task import CLASSES

COLOURS = ((40, 40, 220), (20, 140, 255), (0, 220, 240), (220, 120, 30), (200, 40, 200))
TILE = 220


def draw_found(picture: Picture, found: Found, lowest: float = 0.3) -> Picture:
    """Gives a square copy with the detections above a score."""
    tile = cv2.resize(picture, (TILE, TILE), interpolation=cv2.INTER_AREA)
    for label, score, *corners in found[found[:, 1] > lowest]:
        x_min, y_min, x_max, y_max = (round(float(value) * TILE) for value in corners)
        colour = COLOURS[int(label) % len(COLOURS)]
        cv2.rectangle(tile, (x_min, y_min), (x_max, y_max), colour, 2)
        text, place = f"{CLASSES[int(label)]} {score:.2f}", (max(x_min, 0) + 2, max(y_min, 0) + 12)
        cv2.putText(tile, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(tile, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
    return tile


def main() -> None:
    """Draws a grid and prints the detections."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--nano", type=Path, default=ASSETS, help="folder of nano.cfg and the rest")
    parser.add_argument("--confidence", type=float, default=0.2)
    parser.add_argument("--columns", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    detector, tiles = read_nano(options.nano), []
    for path in options.pictures:
        picture = cv2.imread(str(path))
        found = detector.detect(picture)
        found = found[found[:, 1] > options.confidence]
        found = found[np.argsort(-found[:, 1])]
        said = ", ".join(f"{CLASSES[int(row[0])]} {row[1]:.2f}" for row in found)
        print(f"{path.name}: {said or 'nothing'}")
        tiles.append(draw_found(picture, found, options.confidence))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % options.columns)
    starts = range(0, len(tiles), options.columns)
    grid = np.vstack([np.hstack(tiles[i : i + options.columns]) for i in starts])
    cv2.imwrite(str(options.out), grid, [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
