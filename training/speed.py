"""How long nano takes beside yolov3-tiny, and how large it is."""

import time
from pathlib import Path

import cv2
import numpy as np

from training.task import INPUT_SIZE

WARM_UP, REPEATS = 5, 40
HEADER = np.array([0, 2, 5, 0, 0], dtype="<i4").tobytes()


def speed_ratio(nano: Path, tiny_cfg: Path) -> str:
    """Gives a line with median milliseconds in OpenCV, taking turns, their ratio, and the size.

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
    ours, tiny = np.median(pairs, axis=1)
    ratio = float(np.median(pairs[0] / pairs[1]))
    size = config.stat().st_size + weights.stat().st_size
    return (
        f"forward at {INPUT_SIZE}: nano {ours:.1f} ms, yolov3-tiny {tiny:.1f} ms, "
        f"ratio {ratio:.2f}; {size:,} bytes"
    )
