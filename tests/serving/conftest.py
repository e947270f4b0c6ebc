"""Pictures, small detectors, and real servers for the tests of the service."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
import requests
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient
from testing import FakeDetector

from detectlab.cluster.remote_pool import RayPool
from detectlab.detection.detector import Detector, NetworkDetector
from detectlab.engines.base import Network
from detectlab.engines.opencv import OpenCVEngine
from detectlab.models.registry import ModelCard, get_card
from detectlab.serving.app import create_app
from detectlab.serving.deadline import Deadline
from detectlab.serving.pool import Pool
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings
from detectlab.vision.detections import Detections

CLASSES = ("apple", "orange", "wine glass", "pottedplant", "person")
HERE = Path(__file__).parent


@pytest.fixture
def gate() -> Iterator[FakeDetector]:
    """Finds nothing, and only when it is let through: a detection takes as long as we like."""
    detector = FakeDetector("gate", CLASSES, gated=True)
    yield detector
    detector.gate.set()


@pytest.fixture(scope="session")
def tiny(make_network: Callable[..., tuple[Path, Path]]) -> NetworkDetector:
    """A real network with random weights, quick, that finds many things in any picture."""
    config, weights = make_network(len(CLASSES))
    engine = OpenCVEngine(Network(weights, config, (64, 64)))
    return NetworkDetector("tiny", CLASSES, engine)


def card_of(name: str, classes: tuple[str, ...] = CLASSES) -> ModelCard:
    return replace(get_card("nano"), name=name, classes=classes)


class LocalCluster:
    """A cluster of one thread: runs the detectors in the thread that asks."""

    def __init__(self, detectors: tuple[Detector, ...]) -> None:
        self._detectors = {detector.name: detector for detector in detectors}

    def deployed(self) -> Mapping[str, bool]:
        return dict.fromkeys(self._detectors, True)

    def detect(
        self,
        name: str,
        image: NDArray[np.uint8],
        confidence: float,
        nms_threshold: float,
        deadline: Deadline,
    ) -> Detections:
        return self._detectors[name].detect(image, confidence, nms_threshold)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "one_machine: is about detectors loaded by the server, which a cluster has not"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a module with `POOL_KINDS` once over each kind of pool."""
    kinds = getattr(metafunc.module, "POOL_KINDS", ())
    if kinds and "pool_kind" in metafunc.fixturenames:
        is_local = metafunc.definition.get_closest_marker("one_machine")
        metafunc.parametrize("pool_kind", ["threads"] if is_local else kinds)


@pytest.fixture
def pool_kind() -> str:
    """What runs the detectors: threads, unless a module names its `POOL_KINDS`."""
    return "threads"


@pytest.fixture
def make_pool(pool_kind: str) -> Iterator[Callable[..., Pool]]:
    """Makes pools of given detectors (threads also of functions that load them); closes them."""
    pools: list[Pool] = []

    def make_threads(
        *detectors: Detector, load: Any = None, cards: Any = None, **limits: Any
    ) -> Pool:
        known = {detector.name: detector for detector in detectors}
        cards = cards or {name: card_of(name) for name in known}
        settings = Settings(**{"workers": 2, **limits})
        pools.append(ThreadPool(load or known.__getitem__, cards, next(iter(cards)), settings))
        return pools[-1]

    def make_remote(*detectors: Detector, cards: Any = None, **limits: Any) -> Pool:
        cards = cards or {one.name: card_of(one.name, one.names) for one in detectors}
        settings = Settings(**{"workers": 2, **limits})
        pools.append(RayPool(cards, LocalCluster(detectors), settings))
        return pools[-1]

    yield {"threads": make_threads, "cluster": make_remote}[pool_kind]
    for pool in pools:
        pool.close(5)


@pytest.fixture
def make_client(make_pool: Callable[..., Pool]) -> Iterator[Callable[..., TestClient]]:
    """Makes clients of an app over given detectors, its lifespan running."""
    clients: list[TestClient] = []

    def make(*detectors: Detector, address: str = "127.0.0.1", **limits: Any) -> TestClient:
        pool = make_pool(*detectors, **limits)
        app = create_app(pool, Settings(**{"workers": 2, **limits}))
        client = TestClient(app, client=(address, 50000), raise_server_exceptions=False)
        clients.append(client)
        client.__enter__()
        return client

    yield make
    for client in reversed(clients):
        client.__exit__(None, None, None)


@pytest.fixture
def client(make_client: Callable[..., TestClient], tiny: NetworkDetector) -> TestClient:
    """A client of an app with the one detector `tiny`."""
    return make_client(tiny)


@pytest.fixture(scope="session")
def make_picture() -> Callable[..., bytes]:
    """Makes picture files: coloured blots, each seed others, in any format of Pillow's."""

    def make(
        format: str = "JPEG", size_wh: tuple[int, int] = (160, 120), seed: int = 0, **options: Any
    ) -> bytes:
        rng = np.random.default_rng(seed)
        blots = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)
        pixels = cv2.resize(blots, size_wh, interpolation=cv2.INTER_CUBIC)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, format, **options)
        return file.getvalue()

    return make


@pytest.fixture(scope="session")
def jpeg(make_picture: Callable[..., bytes]) -> bytes:
    return make_picture()


@dataclass
class RunningServer:
    """A real server in a process of its own."""

    url: str
    port: int
    process: subprocess.Popen[str]
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def usage(self) -> psutil.Process:
        return psutil.Process(self.process.pid)


Networks = dict[str, tuple[Path, Path, int]]  # name: config, weights, input size


@pytest.fixture(scope="session")
def run_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Any]:
    """Runs `server.py` with given networks and settings, until the block ends."""

    @contextmanager
    def run(networks: Networks, **limits: object) -> Iterator[RunningServer]:
        log_file = tmp_path_factory.mktemp("server") / "log"
        variables = {f"DETECTLAB_{name.upper()}": str(value) for name, value in limits.items()}
        arguments = [
            f"{name}={config}:{weights}:{size}"
            for name, (config, weights, size) in networks.items()
        ]
        with (
            log_file.open("w") as log,
            subprocess.Popen(
                [sys.executable, str(HERE / "server.py"), *arguments],
                env={**_without_settings(), **variables},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            try:
                assert process.stdout is not None
                port = process.stdout.readline().strip()
                assert port, f"the server did not start: {log_file.read_text()}"
                server = RunningServer(f"http://127.0.0.1:{port}", int(port), process, log_file)
                _wait_until_ready(server)
                yield server
            finally:
                process.kill()

    return run


def _without_settings() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("DETECTLAB_")}


def _wait_until_ready(server: RunningServer) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert server.process.poll() is None, f"the server ended: {server.log}"
        try:
            if requests.get(f"{server.url}/ready", timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the server was not ready in 30 s: {server.log}")
