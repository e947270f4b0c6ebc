"""Answers, pictures, plans and controllers for the tests of rollouts."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import requests
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient
from testing import pixels_of

from detectlab.client import RolloutClient
from detectlab.detection.detector import load_detector
from detectlab.rollout.controller import RolloutController
from detectlab.rollout.metrics import RolloutMetrics
from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.store import SqliteStore
from detectlab.serving.app import create_app
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings
from detectlab.vision.detections import Detections

NAMES = ("apple", "orange", "banana")
Row = tuple[list[int], str, float]


TOKEN = "the operators' token of these tests"


@pytest.fixture(scope="session")
def detections() -> Callable[..., Detections]:
    """Makes answers of rows `(corners, label, confidence)`."""

    def make(*rows: Row, names: tuple[str, ...] = NAMES) -> Detections:
        if not rows:
            return Detections.empty(names)
        boxes, labels, confidence = zip(*rows, strict=True)
        return Detections(
            np.array(boxes, np.float32),
            np.array(confidence, np.float32),
            np.array([names.index(label) for label in labels]),
            names,
        )

    return make


@pytest.fixture(scope="session")
def apples(root: Path) -> bytes:
    """A picture in which `nano` finds something."""
    return (root / "images" / "apples.jpg").read_bytes()


@pytest.fixture(scope="session")
def apples_found(apples: bytes) -> Detections:
    """What `nano` finds in it."""
    found = load_detector("nano").detect(pixels_of(apples))
    assert len(found)
    return found


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    """A store in memory."""
    made = SqliteStore()
    yield made
    made.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rollout.sqlite"


@pytest.fixture(scope="session")
def plan() -> Callable[..., RolloutPlan]:
    """Makes plans: `nano` is stable, and also the candidate, with a smaller input."""

    def make(mode: str = "canary", **changes: Any) -> RolloutPlan:
        content = {
            "mode": mode,
            "stable": {"model": "nano"},
            "candidate": {"model": "nano", "input_size": 256},
            **changes,
        }
        return RolloutPlan.model_validate(content)

    return make


@pytest.fixture
def make_controller() -> Iterator[Callable[..., RolloutController]]:
    """Makes controllers over the detectors of the registry, and closes what they hold."""
    closing: list[Callable[[], None]] = []

    def make(file: Path | None = None, **limits: Any) -> RolloutController:
        settings = Settings(**{"workers": 2, "model": "nano", **limits})
        pool, store = ThreadPool(default="nano", settings=settings), SqliteStore(file)
        metrics = RolloutMetrics(CollectorRegistry())
        controller = RolloutController(pool, store, settings, metrics)
        closing.extend([store.close, lambda: pool.close(5), controller.close])
        return controller

    yield make
    for close in reversed(closing):
        close()


@pytest.fixture
def make_client(file: Path) -> Iterator[Callable[..., TestClient]]:
    """Makes clients of an app over the registry, at this machine, its lifespan running."""
    clients: list[TestClient] = []

    def make(address: str = "127.0.0.1", **limits: Any) -> TestClient:
        settings = Settings(
            **{
                "workers": 2,
                "model": "nano",
                "rollout_file": file,
                "operator_token": TOKEN,
                **limits,
            }
        )
        app = create_app(settings=settings)
        client = TestClient(
            app, base_url="http://127.0.0.1", client=(address, 50000), raise_server_exceptions=False
        )
        client.headers["X-Operator-Token"] = TOKEN
        clients.append(client)
        client.__enter__()
        return client

    yield make
    for client in reversed(clients):
        client.__exit__(None, None, None)


@dataclass
class Served:
    """A real server: `detectlab serve` in a process of its own."""

    url: str
    process: "subprocess.Popen[str]"
    client: RolloutClient

    @property
    def usage(self) -> psutil.Process:
        return psutil.Process(self.process.pid)


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `detectlab serve` until the block ends; the same home each time."""

    # Commands and clients of the test read it here.
    monkeypatch.setenv("DETECTLAB_OPERATOR_TOKEN", TOKEN)

    @contextmanager
    def run() -> Iterator[Served]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("DETECTLAB_")}
        own = {
            "DETECTLAB_OPERATOR_TOKEN": TOKEN,
            "DETECTLAB_HOME": str(tmp_path),
            "DETECTLAB_MODEL": "nano",
            "DETECTLAB_WORKERS": "2",
        }
        own |= {"DETECTLAB_QUEUE_SIZE": "64", "DETECTLAB_DEADLINE_S": "15"}
        with (
            (tmp_path / "log").open("a") as log,
            subprocess.Popen(
                [sys.executable, "-m", "detectlab", "serve", "--port", "0"],
                env={**kept, **own},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            try:
                assert process.stdout is not None
                url = process.stdout.readline().split()[2]
                _wait_until_ready(url)
                client = RolloutClient(url, operator="test")
                yield Served(url, process, client)
            finally:
                process.kill()

    return run


def _wait_until_ready(url: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if requests.get(f"{url}/ready", timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{url} was not ready in 60 s")
