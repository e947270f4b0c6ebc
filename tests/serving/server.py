"""Serves given networks as `detectlab serve` would; the tests run this as a process of its own.

Each argument is NAME=CONFIG:WEIGHTS:INPUT_SIZE; settings come from the environment. The port is
printed once it is bound.
"""

import socket
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import uvicorn

from detectlab.detection.detector import NetworkDetector
from detectlab.engines.base import Network
from detectlab.engines.opencv import OpenCVEngine
from detectlab.kernel.http_limits import WEBSOCKET_OPTIONS, LimitedProtocol
from detectlab.models.registry import WeightsFile, get_card
from detectlab.serving import log_format
from detectlab.serving.app import create_app
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings

CLASSES = ("apple", "orange", "banana", "clock", "car")  # as many as `nano` has


def make_pool(networks: Mapping[str, tuple[Path, Path, int]], settings: Settings) -> ThreadPool:
    def load(name: str) -> NetworkDetector:
        config, weights, input_size = networks[name]
        network = Network(weights, config, (input_size, input_size))
        return NetworkDetector(name, CLASSES, OpenCVEngine(network))

    cards = {}
    for name, (_, weights, input_size) in networks.items():
        file = WeightsFile(weights.name, size=weights.stat().st_size)
        cards[name] = replace(
            get_card("nano"), name=name, classes=CLASSES, weights=file, input_size=input_size
        )
    return ThreadPool(load, cards, next(iter(networks)), settings)


def main() -> None:
    networks = {}
    for argument in sys.argv[1:]:
        name, _, rest = argument.partition("=")
        config, weights, size = rest.split(":")
        networks[name] = (Path(config), Path(weights), int(size))
    settings = Settings()
    log_format.configure(settings.log_json)
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listening.getsockname()[1], flush=True)
    options = uvicorn.Config(
        create_app(make_pool(networks, settings), settings),
        http=LimitedProtocol,
        **WEBSOCKET_OPTIONS,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=int(settings.shutdown_grace_s) + 1,
    )
    uvicorn.Server(options).run(sockets=[listening])


if __name__ == "__main__":
    main()
