"""What public detectors find in the pictures: `python images/render/judge.py --weights FOLDER`.

FOLDER holds `<name>.cfg`, `<name>.weights` (Darknet) and `coco.names`. With `--nano FOLDER` the
embedded detector is asked as well.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

DETECTORS = ("yolo-fastest-1.1", "yolo-fastest-1.1-xl", "mobilenetv2-yolov3-nano")
CLASSES = ("apple", "orange", "banana", "clock", "car")


class Judge:
    """One detector, asked with OpenCV on the whole picture squeezed to `size` pixels."""

    def __init__(self, stem: Path, names: Path, size: int) -> None:
        """Load `stem`.cfg and `stem`.weights, and the class names, one a line."""
        self.name, self.size = stem.name, size
        self.net = cv2.dnn.readNetFromDarknet(f"{stem}.cfg", f"{stem}.weights")
        self.names = names.read_text().split("\n")

    def find(self, picture: np.ndarray, threshold: float) -> list[tuple[str, float]]:
        """Class names and confidences of what is left after suppression at IoU 0.4."""
        blob = cv2.dnn.blobFromImage(picture, 1 / 255, (self.size, self.size), swapRB=True)
        self.net.setInput(blob)
        rows = np.vstack(self.net.forward(self.net.getUnconnectedOutLayersNames()))
        scores = rows[:, 5:].max(axis=1)
        classes = rows[:, 5:].argmax(axis=1)
        boxes = np.column_stack([rows[:, :2] - rows[:, 2:4] / 2, rows[:, 2:4]]) * self.size
        kept = cv2.dnn.NMSBoxesBatched(
            boxes.tolist(), scores.tolist(), classes.tolist(), threshold, 0.4
        )
        return [(self.names[classes[i]], float(scores[i])) for i in np.ravel(kept).astype(int)]


def summary(found: list[tuple[str, float]]) -> str:
    """For instance `3 apple (0.91), 1 vase (0.55)`, the best confidence of each class."""
    best: dict[str, float] = {}
    for name, score in found:
        best[name] = max(score, best.get(name, 0))
    count = Counter(name for name, _ in found)
    order = sorted(best, key=lambda name: (name not in CLASSES, -best[name]))
    return ", ".join(f"{count[name]} {name} ({best[name]:.2f})" for name in order) or "-"


def main() -> None:
    """Print a table of picture, threshold and what each detector finds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--nano", type=Path, help="folder with nano.cfg, nano.weights, nano.names")
    parser.add_argument("--pictures", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--size", type=int, default=416)
    arguments = parser.parse_args()
    folder = arguments.weights
    judges = [Judge(folder / name, folder / "coco.names", arguments.size) for name in DETECTORS]
    if arguments.nano:
        nano = arguments.nano
        judges.append(Judge(nano / "nano", nano / "nano.names", arguments.size))
    print("| picture | confidence |", " | ".join(judge.name for judge in judges), "|")
    print("|---" * (len(judges) + 2) + "|")
    for path in sorted(arguments.pictures.glob("*.jpg")):
        picture = cv2.imread(str(path))
        for threshold in (0.5, 0.2):
            cells = [summary(judge.find(picture, threshold)) for judge in judges]
            print(f"| {path.stem} | {threshold} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
