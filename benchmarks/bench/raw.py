"""The bare pipeline in a loop: the limit of the machine, without a server.

    python -m bench.raw MODEL PICTURE... [--engine E] [--precision P] [--loops N] [--json]

One loop gives all cores to each picture; as many loops as cores give each picture one. Printed as
JSON: pictures a second, milliseconds of each picture, of each stage, and of processor time.
"""

import argparse
import json
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.decoders.darknet import decode_rows
from detectlab.detection.calibrations import find_calibration
from detectlab.detection.networks import network_of
from detectlab.engines import Engine, open_engine
from detectlab.models.registry import get_card
from detectlab.settings import Settings
from detectlab.vision.detections import Detections
from detectlab.vision.drawing import draw_bbox
from detectlab.vision.images import encode_image

STAGES = ("decode", "prepare", "network", "boxes", "draw", "encode")
CONFIDENCE, NMS_THRESHOLD = 0.5, 0.3


@dataclass(frozen=True)
class Plan:
    """How long loops run, in seconds, and where they wait for each other in between."""

    warm_up_s: float
    seconds: float
    all_warm: threading.Barrier


def process(
    engine: Engine, data: NDArray[np.uint8], names: tuple[str, ...], as_json: bool
) -> list[float]:
    """Take one picture through all stages, and return when each began and the last one ended."""
    at = [time.perf_counter()]
    pixels = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    at.append(time.perf_counter())
    squeezed = cv2.resize(pixels, engine.input_size_wh, interpolation=cv2.INTER_LINEAR)
    at.append(time.perf_counter())
    rows = engine.run(np.asarray(squeezed, np.uint8))["rows"]
    at.append(time.perf_counter())
    size_wh = pixels.shape[1], pixels.shape[0]
    found = Detections(
        *decode_rows(rows, size_wh, confidence=CONFIDENCE, nms_threshold=NMS_THRESHOLD), names
    )
    at.append(time.perf_counter())
    drawn = pixels if as_json else draw_bbox(pixels, found)
    at.append(time.perf_counter())
    if not as_json:
        encode_image(drawn)
    at.append(time.perf_counter())
    return at


def loop(
    engine: Engine,
    pictures: list[NDArray[np.uint8]],
    names: tuple[str, ...],
    plan: Plan,
    stages: list[list[float]],
    as_json: bool,
) -> None:
    """Process pictures: first some that do not count, until all loops are warm."""
    until = time.perf_counter() + plan.warm_up_s
    number = 0
    while number < 2 or time.perf_counter() < until:
        process(engine, pictures[number % len(pictures)], names, as_json)
        number += 1
    plan.all_warm.wait()
    until = time.perf_counter() + plan.seconds
    while time.perf_counter() < until:
        at = process(engine, pictures[number % len(pictures)], names, as_json)
        number += 1
        stages.append(np.diff(at).tolist())


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--engine", default="opencv")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--loops", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--json", action="store_true", help="draw and encode nothing")
    options = parser.parse_args()
    if options.loops > 1:
        cv2.setNumThreads(1)
    settings = Settings()
    card = get_card(options.model, settings)
    network = network_of(card, settings)
    network = replace(network, calibration=find_calibration(card, settings))
    engine = open_engine(
        network, options.engine, precision=options.precision, concurrency=options.loops
    )
    pictures = [np.fromfile(path, np.uint8) for path in options.pictures]
    stages: list[list[float]] = []
    # This thread takes part, to see when the time begins.
    plan = Plan(options.warm_up, options.seconds, threading.Barrier(options.loops + 1))
    arguments = (engine, pictures, card.classes, plan, stages, options.json)
    threads = [threading.Thread(target=loop, args=arguments) for _ in range(options.loops)]
    for thread in threads:
        thread.start()
    plan.all_warm.wait()
    begin, cpu_begin = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.join()
    seconds, cpu_s = time.perf_counter() - begin, time.process_time() - cpu_begin
    in_ms = np.array(stages) * 1000
    json.dump(
        {
            "rate": len(stages) / seconds,
            "ms": in_ms.sum(axis=1).tolist(),
            "cpu_ms": 1000 * cpu_s / len(stages),
            "stages_ms": dict(zip(STAGES, np.median(in_ms, axis=0).tolist(), strict=True)),
        },
        sys.stdout,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
