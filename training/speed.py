"""How long nano takes beside yolov3-tiny, and how large it is."""

import time
from pathlib import Path

import cv2
import numpy as np

from training.darknet_detector import PUBLIC_SIZE, input_size

WARM_UP, REPEATS = 5, 40
HEADER = np.array([0, 2, 5, 0, 0], dtype="<i4").tobytes()


def speed_ratio(nano: Path, tiny_cfg: Path) -> str:
    """Gives a line with median milliseconds in OpenCV, taking turns, their ratios, and the size.

    yolov3-tiny gets 416x416; nano gets the input of its `.cfg`, and 416x416 as well.

    Args:
        nano: Folder of nano.cfg and nano.weights.
        tiny_cfg: yolov3-tiny.cfg. Its time does not depend on the weights: they are random.
    """
    config, weights = nano / "nano.cfg", nano / "nano.weights"
    values = (np.random.default_rng(0).random(9_000_000) / 50).astype("<f4").tobytes()
    nets = [
        cv2.dnn.readNetFromDarknet(str(config), str(weights)),
        cv2.dnn.readNetFromDarknet(
            np.frombuffer(tiny_cfg.read_bytes(), np.uint8), np.frombuffer(HEADER + values, np.uint8)
        ),
    ]
    own = input_size(config)
    runs = [(nets[0], own), (nets[0], PUBLIC_SIZE), (nets[1], PUBLIC_SIZE)]
    blobs = [np.random.default_rng(0).random((1, 3, side, side), np.float32) for _, side in runs]
    spent: list[list[float]] = [[] for _ in runs]
    for _ in range(WARM_UP + REPEATS):
        for (net, _), blob, times in zip(runs, blobs, spent, strict=True):
            net.setInput(blob)
            started = time.perf_counter()
            net.forward(net.getUnconnectedOutLayersNames())
            times.append((time.perf_counter() - started) * 1000)
    # Neighbours in time, so that whatever else the machine does slows both alike.
    turns = np.array(spent)[:, WARM_UP:]
    ours, _, tiny = np.median(turns, axis=1)
    ratio, same_input = np.median(turns[:2] / turns[2], axis=1)
    size = config.stat().st_size + weights.stat().st_size
    return (
        f"forward: nano at {own} {ours:.1f} ms, yolov3-tiny at {PUBLIC_SIZE} {tiny:.1f} ms, "
        f"ratio {ratio:.2f} ({same_input:.2f} at the same input); {size:,} bytes"
    )
