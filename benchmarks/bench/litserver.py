"""The same detector under LitServe: a process for each core.

    python -m bench.litserver [--workers N] [--threads N]

The detector, its engine and its files are those of the environment, as for `detectlab serve`.
"""

import argparse
import os
import socket
from typing import Any

import cv2
import litserve
import numpy as np
from fastapi import Request, Response

from detectlab.detection.detector import load_detector
from detectlab.vision.drawing import draw_bbox
from detectlab.vision.images import encode_image


class DetectorAPI(litserve.LitAPI):
    """Decode, detect, draw, encode: the four stages in the places LitServe has for them."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self._threads = threads

    def setup(self, device: str) -> None:
        cv2.setNumThreads(self._threads)
        self.detector = load_detector()

    def decode_request(self, request: Request) -> Any:
        data = request["file"].file.read()
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)

    def predict(self, pixels: Any) -> Any:
        return draw_bbox(pixels, self.detector.detect(pixels))

    def encode_response(self, drawn: Any) -> Response:
        return Response(encode_image(drawn), media_type="image/jpeg")


def main() -> None:
    cores = os.cpu_count() or 1
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=cores)
    parser.add_argument("--threads", type=int, default=1, help="of OpenCV, in each worker")
    options = parser.parse_args()
    server = litserve.LitServer(
        DetectorAPI(options.threads), accelerator="cpu", workers_per_device=options.workers
    )
    with socket.create_server(("127.0.0.1", 0)) as asking:
        port = asking.getsockname()[1]  # LitServe takes no port 0
    print(f"Serving on http://127.0.0.1:{port}", flush=True)
    server.run("127.0.0.1", port, log_level="warning", generate_client_file=False)


if __name__ == "__main__":
    main()
