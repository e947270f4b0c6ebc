"""Pictures of a training: its curves, and a grid of what the detector finds."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib
import numpy as np

from training.data import Sample
from training.look import draw_found
from training.network import Darknet
from training.score import detect
from training.task import CLASSES

COLUMNS = 6
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


def save_grid(network: Darknet, samples: Sequence[Sample], path: Path) -> None:
    """Draws detections above 0.3 on some photographs."""
    tiles = [draw_found(sample.picture, detect(network, sample.picture)) for sample in samples]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
    cv2.imwrite(str(path), np.vstack(rows))
