"""What one picture costs: processor time of each part, bytes, memory. Feeds `growth_model.py`.

    python benchmarks/picture_cost.py [--repeats 20] [--out benchmarks/results/picture_cost.json]

Processor time on one thread, not time on a clock: it says how many cores a number of pictures a
second needs, and hardly depends on what else the machine does.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import requests
from numpy.typing import NDArray
from soak import describe_machine

from detectlab import Detections, create_app, draw_bbox, load_detector
from detectlab.kernel import start
from detectlab.models.files import locate
from detectlab.serving.schemas import Result
from detectlab.serving.worker_pool import ThreadPool
from detectlab.vision.images import decode_image, encode_image

ROOT = Path(__file__).resolve().parent.parent
PICTURES = sorted((ROOT / "images").glob("*.jpg"))
EDGE_SIDE = 320  # the longer side of a picture that a client has made small: what nano looks at
BATCH_SIZE = 8
JSON = {"Accept": "application/json"}


def processor_ms(work: Callable[[], Any], repeats: int) -> float:
    """The median processor time of `work` in this process, in milliseconds."""
    work()
    spent = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        spent.append((time.process_time() - started) * 1000)
    return statistics.median(spent)


def made_small(data: bytes) -> bytes:
    """The same picture as a client could send it when the detector looks at 320 pixels anyhow."""
    pixels = decode_image(data).pixels
    height, width = pixels.shape[:2]
    shrink = EDGE_SIDE / max(height, width)
    size_wh = (round(width * shrink), round(height * shrink))
    return encode_image(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA), quality=85)


def costs_of(detector: Any, data: bytes, repeats: int) -> dict[str, float]:
    pixels = decode_image(data).pixels
    found: Detections = detector.detect(pixels)
    small = made_small(data)
    return {
        "picture_bytes": len(data),
        "pixel_bytes": pixels.nbytes,
        "small_picture_bytes": len(small),
        "small_pixel_bytes": decode_image(small).pixels.nbytes,
        "answer_bytes": len(Result.of(found, 0.1234, "nano").model_dump_json()),
        "drawn_bytes": len(encode_image(draw_bbox(pixels, found))),
        "decode_ms": processor_ms(lambda: decode_image(data), repeats),
        "decode_small_ms": processor_ms(lambda: decode_image(small), repeats),
        "detect_ms": processor_ms(lambda: detector.detect(pixels), repeats),
        "draw_ms": processor_ms(lambda: encode_image(draw_bbox(pixels, found)), repeats),
    }


class FindsNothing:
    """A detector that costs nothing, so that what a request costs beyond it is seen."""

    name = "nano"
    names = ("apple",)

    def detect(
        self, image: NDArray[np.uint8], confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        return Detections.empty(self.names)


def ask(url: str, path: str, bodies: list[list[tuple[str, bytes]]], repeats: int) -> None:
    """The client, which runs in a process of its own."""
    with requests.Session() as session:
        for files in bodies * repeats:
            answer = session.post(url + path, files=files, headers=JSON, timeout=60)
            answer.raise_for_status()


def costs_of_serving(repeats: int) -> dict[str, float]:
    """Processor time of a server for a picture sent alone, and for a small one in a batch."""
    files = [path.read_bytes() for path in PICTURES]
    small = [made_small(data) for data in files]
    alone = [[("file", data)] for data in files]
    batch = [[("files", small[number % len(small)]) for number in range(BATCH_SIZE)]]
    app = create_app(ThreadPool(load=lambda name: FindsNothing(), default="nano"))
    with get_context("spawn").Pool(1) as clients, start(app) as server:

        def spent_ms(path: str, bodies: list[list[tuple[str, bytes]]]) -> float:
            clients.apply(ask, (server.url, path, bodies, 2))
            started = time.process_time()
            clients.apply(ask, (server.url, path, bodies, repeats))
            return (time.process_time() - started) / repeats / sum(map(len, bodies)) * 1000

        return {
            "alone_ms": spent_ms("/predict", alone),
            "batched_ms": spent_ms("/predict/batch", batch),
        }


def measure(repeats: int) -> dict[str, float]:
    cv2.setNumThreads(1)
    detector = load_detector("nano", engine="opencv")
    each = [costs_of(detector, path.read_bytes(), repeats) for path in PICTURES]
    means = {name: statistics.fmean(one[name] for one in each) for name in each[0]}
    serving = costs_of_serving(repeats)
    # Beside decoding: reading the request, checking it, changing threads, writing the answer.
    means["http_ms"] = serving["alone_ms"] - means["decode_ms"]
    means["batched_http_ms"] = serving["batched_ms"] - means["decode_small_ms"]
    means["weights_bytes"] = locate("nano").weights.stat().st_size
    return {name: round(value, 0 if name.endswith("bytes") else 2) for name, value in means.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/picture_cost.json")
    options = parser.parse_args()
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as home:
        os.environ["DETECTLAB_HOME"] = home
        os.environ["DETECTLAB_ENGINE"] = "opencv"
        found = measure(options.repeats)
    result = {**machine, "pictures": len(PICTURES), "repeats": options.repeats, **found}
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    for name, value in found.items():
        print(f"{name:<20} {value:12,.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
