"""Run the network on photographs and judge what it finds."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from training.data import Picture, Sample
from training.loss import HEAD_STRIDES, decode
from training.measure import average_precision, judge
from training.metrics import Found, suppress
from training.network import Darknet
from training.task import CLASSES, INPUT_SIZE

TINY = 12 / INPUT_SIZE  # smaller objects count neither way


@torch.no_grad()
def detect(network: Darknet, picture: Picture, side: int = INPUT_SIZE) -> Found:
    """Gives the detections of the PyTorch network: class, score, corners from 0 to 1."""
    squeezed = cv2.resize(picture, (side, side))[..., ::-1].transpose(2, 0, 1)
    device = next(network.parameters()).device
    pixels = torch.from_numpy(np.ascontiguousarray(squeezed))[None].to(device).float() / 255
    heads = network(pixels)
    rows = []
    for raw, anchors_wh, stride in zip(heads, network.anchors_wh(), HEAD_STRIDES, strict=True):
        decoded = decode(raw, anchors_wh, stride)[0].flatten(0, 2).cpu().numpy()
        centre, half = decoded[:, :2] / side, decoded[:, 2:4] / side / 2
        rows.append(np.c_[centre - half, centre + half, decoded[:, 4:5] * decoded[:, 5:]])
    return suppress(np.concatenate(rows).astype(np.float32))


def score(network: Darknet, samples: Sequence[Sample]) -> dict[str, float]:
    """Gives AP50 of each class, and false alarms at 0.5 on photographs without any class."""
    network.eval()
    found = [detect(network, sample.picture) for sample in samples]
    truth = [sample.boxes for sample in samples]
    result = {
        name: average_precision(judge(found, truth, label, smallest=TINY))
        for label, name in enumerate(CLASSES)
    }
    alarms = [
        int((rows[:, 1] > 0.5).sum())
        for rows, sample in zip(found, samples, strict=True)
        if not len(sample.boxes)
    ]
    result["false alarms"] = float(np.mean(alarms)) if alarms else float("nan")
    return result
