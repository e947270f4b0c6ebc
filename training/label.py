"""Label photographs with several public detectors that vote, and mark where they disagree.

    python -m training.label --photos ../shared/photos/fruit-mixed --weights ../shared/weights \
        --out RUN/fruit-mixed

The new folder holds the labels, with links to the photographs. One detector mixes up apples and
oranges at times. Three of them, each at several sizes and on the mirror image as well, rarely do so
together. Where they disagree, the region is left out of training.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.task import CLASSES

DETECTORS = ("yolo-fastest-1.1", "yolo-fastest-1.1-xl", "mobilenetv2-yolov3-nano")
SIZES = (320, 416, 512)
SAME_OBJECT_IOU = 0.55
FLOOR = 0.1  # scores below it are no votes
SURE, MARGIN, DOUBT = 0.18, 0.7, 0.1  # of the mean score over all votes
IGNORE = -1  # the class of a region that teaches nothing

Votes = NDArray[np.float32]  # (N, 4 + classes): x_min, y_min, x_max, y_max from 0 to 1, scores


def read_public(name: str, folder: Path) -> tuple[cv2.dnn.Net, list[int]]:
    """Reads a public detector, and the rows that our classes have among its own."""
    net = cv2.dnn.readNetFromDarknet(str(folder / f"{name}.cfg"), str(folder / f"{name}.weights"))
    known = (folder / "coco.names").read_text().split("\n")
    return net, [known.index(label) for label in CLASSES]


def forward(net: cv2.dnn.Net, picture: NDArray[np.uint8], size: int) -> Votes:
    """Gives all rows of a Darknet detector above `FLOOR`, as corners and class scores."""
    net.setInput(cv2.dnn.blobFromImage(picture, 1 / 255, (size, size), swapRB=True))
    rows = np.concatenate(net.forward(net.getUnconnectedOutLayersNames()))
    centre, half, scores = rows[:, :2], rows[:, 2:4] / 2, rows[:, 5:]
    found = np.concatenate([centre - half, centre + half, scores], axis=1)
    return found[scores.max(axis=1) > FLOOR].astype(np.float32)


def _one_view(net: cv2.dnn.Net, columns: list[int], picture: NDArray[np.uint8], size: int) -> Votes:
    rows = forward(net, picture, size)
    rows = rows[:, [0, 1, 2, 3, *(4 + column for column in columns)]]
    best = rows[:, 4:].max(axis=1)
    kept = cv2.dnn.NMSBoxes(
        np.c_[rows[:, :2], rows[:, 2:4] - rows[:, :2]].tolist(), best.tolist(), FLOOR, 0.5
    )
    return rows[np.asarray(kept, dtype=int).ravel()]


def views(
    detectors: list[tuple[cv2.dnn.Net, list[int]]], picture: NDArray[np.uint8]
) -> list[Votes]:
    """Gives the votes of each detector at each size, upright and mirrored."""
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    found = []
    for net, columns in detectors:
        for size in SIZES:
            found.append(_one_view(net, columns, picture, size))
            votes = _one_view(net, columns, mirrored, size)
            votes[:, [0, 2]] = 1 - votes[:, [2, 0]]
            found.append(votes)
    return found


def _iou(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    shared = np.minimum(box[2:4], boxes[:, 2:4]) - np.maximum(box[:2], boxes[:, :2])
    inner = shared.clip(0).prod(axis=1)
    areas = (boxes[:, 2:4] - boxes[:, :2]).prod(axis=1)
    return inner / (areas + (box[2:4] - box[:2]).prod() - inner + 1e-9)


def fuse(found: list[Votes]) -> Iterator[Votes]:
    """Gives one row an object: the score-weighted mean box, mean class scores over all views."""
    votes = np.concatenate(found)
    votes = votes[np.argsort(-votes[:, 4:].max(axis=1))]
    while len(votes):
        same = _iou(votes[0], votes) > SAME_OBJECT_IOU
        group, votes = votes[same], votes[~same]
        weights = group[:, 4:].max(axis=1, keepdims=True)
        box = (group[:, :4] * weights).sum(axis=0) / weights.sum()
        yield np.concatenate([box, np.minimum(group[:, 4:].sum(axis=0) / len(found), 1)])


def label_lines(found: list[Votes]) -> list[str]:
    """Gives the lines of a label file; class -1 marks a region to ignore."""
    lines = []
    for row in fuse(found):
        box, scores = row[:4].clip(0, 1), row[4:]
        if scores.sum() < DOUBT:
            continue
        sure = scores.max() > SURE and scores.max() > MARGIN * scores.sum()
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        numbers = " ".join(f"{value:.5f}" for value in (*centre, *size))
        lines.append(f"{int(scores.argmax()) if sure else IGNORE} {numbers}")
    return lines


def main() -> None:
    """Labels every photograph of a folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="folder of public detectors")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    detectors = [read_public(name, options.weights) for name in DETECTORS]
    for path in tqdm(sorted(options.photos.glob("*.jpg")), unit="picture"):
        lines = label_lines(views(detectors, cv2.imread(str(path))))
        (options.out / f"{path.stem}.txt").write_text("".join(f"{line}\n" for line in lines))
        if not (options.out / path.name).exists():
            (options.out / path.name).symlink_to(path.resolve())


if __name__ == "__main__":
    main()
