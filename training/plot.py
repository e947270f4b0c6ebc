"""Pictures of a training: its curves, and a grid of what the detector finds."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib
import numpy as np

from training.data import Picture, Sample
from training.metrics import Found
from training.network import Darknet
from training.score import detect
from training.task import CLASSES

COLOURS = ((40, 40, 220), (20, 140, 255), (0, 220, 240), (220, 120, 30), (200, 40, 200))
TILE, COLUMNS = 220, 6
PARTS = ("loss", "box", "objectness", "class")


def save_plot(history: Sequence[dict[str, float]], path: Path) -> None:
    """Draws the parts of the loss, and AP50 of each class, over the minutes."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    minutes = [entry["minutes"] for entry in history]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    for part in PARTS:
        left.plot(minutes, [entry[part] for entry in history], label=part)
    for name in CLASSES:
        right.plot(minutes, [entry.get(name, float("nan")) for entry in history], label=name)
    left.set(xlabel="minutes", ylabel="loss", ylim=(0, None))
    right.set(xlabel="minutes", ylabel="AP50, held-out photographs", ylim=(0, 1))
    for axes in (left, right):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


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


def save_grid(network: Darknet, samples: Sequence[Sample], path: Path) -> None:
    """Draws detections above 0.3 on some photographs."""
    tiles = [draw_found(sample.picture, detect(network, sample.picture)) for sample in samples]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
    cv2.imwrite(str(path), np.vstack(rows))
