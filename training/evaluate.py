"""Judge nano and the public detectors on the same held-out photographs, in the same run.

    python -m training.evaluate --photos ../shared/photos --weights ../shared/weights

All of them run in OpenCV on pictures squeezed to 416x416, as the lab runs them.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data import Sample, read_folder, read_names
from training.label import DETECTORS
from training.metrics import (
    LOWEST_SCORE,
    Found,
    average_precision,
    ignore_tiny,
    suppress,
)
from training.task import CLASSES, INPUT_SIZE

ASSETS = Path(__file__).parents[1] / "src" / "detectlab" / "assets"
HELDOUT = Path(__file__).parent / "heldout" / "heldout.txt"
FRUIT = CLASSES[:3]
SMALLEST = 12  # pixels at 416x416; smaller objects count neither way
CONFIDENCE = 0.5
WARM_UP, REPEATS = 5, 40
HEADER = np.array([0, 2, 5, 0, 0], dtype="<i4").tobytes()


class Judged:
    """A Darknet detector, read by OpenCV, restricted to our classes.

    Args:
        config: Its `.cfg`.
        weights: Its `.weights`.
        names: Its classes, one a line.
    """

    def __init__(self, config: Path, weights: Path, names: Path) -> None:
        self.net = cv2.dnn.readNetFromDarknet(str(config), str(weights))
        known = names.read_text().split("\n")
        self.columns = [5 + known.index(label) for label in CLASSES]

    def detect(self, picture: NDArray[np.uint8]) -> Found:
        """Gives its detections: class, score, corners from 0 to 1."""
        blob = cv2.dnn.blobFromImage(picture, 1 / 255, (INPUT_SIZE, INPUT_SIZE), swapRB=True)
        self.net.setInput(blob)
        rows = np.concatenate(self.net.forward(self.net.getUnconnectedOutLayersNames()))
        half = rows[:, 2:4] / 2
        boxes = np.c_[rows[:, :2] - half, rows[:, :2] + half, rows[:, self.columns]]
        return suppress(boxes.astype(np.float32), LOWEST_SCORE)


def judge(detector: Judged, groups: dict[str, list[Sample]]) -> dict[str, float]:
    """Gives AP50 per class, its mean over the fruit, and false alarms a picture."""
    found = {
        group: [detector.detect(sample.picture) for sample in samples]
        for group, samples in groups.items()
    }
    truth = {
        group: [ignore_tiny(sample.boxes, SMALLEST / INPUT_SIZE) for sample in samples]
        for group, samples in groups.items()
    }
    result = {}
    for label, name in enumerate(CLASSES):
        group = "fruit" if name in FRUIT else name
        result[name] = average_precision(found[group], truth[group], label)[0]
    result["mean of fruit"] = float(np.mean([result[name] for name in FRUIT]))
    confident = [int((rows[:, 1] > CONFIDENCE).sum()) for rows in found["none"]]
    result["false alarms"] = float(np.mean(confident))
    result["recall at 0.5"] = _recall(found["fruit"], truth["fruit"])
    return result


def _recall(found: list[Found], truth: list[NDArray[np.float32]]) -> float:
    """Gives the share of the fruit that detections above 0.5 cover, of the right class."""
    hits = total = 0
    for rows, boxes in zip(found, truth, strict=True):
        objects = boxes[boxes[:, 0] >= 0]
        total += len(objects)
        for box in objects:
            same = rows[(rows[:, 0] == box[0]) & (rows[:, 1] > CONFIDENCE), 2:]
            low, high = np.maximum(same[:, :2], box[1:3]), np.minimum(same[:, 2:], box[3:])
            inner = (high - low).clip(0).prod(axis=1)
            union = (same[:, 2:] - same[:, :2]).prod(axis=1) + (box[3:] - box[1:3]).prod() - inner
            hits += bool((inner / union > 0.5).any())
    return hits / max(total, 1)


def read_groups(photos: Path) -> dict[str, list[Sample]]:
    """Gives the held-out photographs: the fruit, those with a clock, a car, and with none."""
    names = read_names(HELDOUT)
    scenes = read_folder(photos / "coco", CLASSES, only=names)
    groups = {"fruit": read_folder(photos / "fruit", CLASSES, only=names)}
    for name in ("clock", "car"):
        label = CLASSES.index(name)
        groups[name] = [sample for sample in scenes if (sample.boxes[:, 0] == label).any()]
    groups["none"] = [sample for sample in scenes if not (sample.boxes[:, 0] >= 0).any()]
    return groups


def speed_ratio(config: Path, weights: Path, tiny_cfg: Path) -> tuple[float, float, float]:
    """Gives median milliseconds of nano and yolov3-tiny, taking turns, and their median ratio."""
    tiny = tiny_cfg.read_bytes()
    # How long it takes does not depend on the values: random weights, more than enough of them.
    values = (np.random.default_rng(0).random(9_000_000) / 50).astype("<f4").tobytes()
    nets = [
        cv2.dnn.readNetFromDarknet(str(config), str(weights)),
        cv2.dnn.readNetFromDarknet(
            np.frombuffer(tiny, np.uint8), np.frombuffer(HEADER + values, np.uint8)
        ),
    ]
    blob = np.random.default_rng(0).random((1, 3, INPUT_SIZE, INPUT_SIZE), dtype=np.float32)
    spent: list[list[float]] = [[], []]
    for _ in range(WARM_UP + REPEATS):
        for net, times in zip(nets, spent, strict=True):
            net.setInput(blob)
            started = time.perf_counter()
            net.forward(net.getUnconnectedOutLayersNames())
            times.append((time.perf_counter() - started) * 1000)
    # Neighbours in time, so that whatever else the machine does slows both alike.
    pairs = np.array(spent)[:, WARM_UP:]
    nano, other = np.median(pairs, axis=1)
    return float(nano), float(other), float(np.median(pairs[0] / pairs[1]))


def print_table(results: dict[str, dict[str, float]]) -> None:
    """Prints one line a detector."""
    columns = list(next(iter(results.values())))
    print(f"{'':24}" + "".join(f"{column:>15}" for column in columns))
    for name, result in results.items():
        print(f"{name:24}" + "".join(f"{result[column]:15.3f}" for column in columns))


def main() -> None:
    """Prints what MODEL_CARD.md says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="folder of public detectors")
    parser.add_argument("--nano", type=Path, default=ASSETS, help="folder of nano.cfg and the rest")
    parser.add_argument("--json", type=Path, help="file for the same figures")
    options = parser.parse_args()
    groups = read_groups(options.photos)
    print("held out: " + ", ".join(f"{len(found)} {name}" for name, found in groups.items()))
    for name in ("clock", "car"):
        found, label = groups[name], CLASSES.index(name)
        boxes = [ignore_tiny(sample.boxes, SMALLEST / INPUT_SIZE) for sample in found]
        count = sum(int((box[:, 0] == label).sum()) for box in boxes)
        print(f"{name}: {count} objects of at least {SMALLEST} pixels at {INPUT_SIZE}x{INPUT_SIZE}")
    nano = [options.nano / f"nano.{suffix}" for suffix in ("cfg", "weights", "names")]
    results = {"nano": judge(Judged(*nano), groups)}
    for name in DETECTORS:
        files = [options.weights / f"{name}.{suffix}" for suffix in ("cfg", "weights")]
        results[name] = judge(Judged(*files, options.weights / "coco.names"), groups)
    print_table(results)
    ours, tiny, ratio = speed_ratio(nano[0], nano[1], options.weights / "yolov3-tiny.cfg")
    print(f"forward at 416: nano {ours:.1f} ms, yolov3-tiny {tiny:.1f} ms, ratio {ratio:.2f}")
    print(f"size: {sum(file.stat().st_size for file in nano[:2]):,} bytes")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
