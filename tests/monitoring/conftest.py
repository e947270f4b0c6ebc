"""Detectors, pictures and apps for the tests of monitoring."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import testing
from starlette.testclient import TestClient

from detectlab.models.registry import get_card
from detectlab.monitoring.sketch import Sketch
from detectlab.monitoring.statistics import COUNT, NAMES, Indices, bins_of
from detectlab.rollout.store import Store
from detectlab.serving.app import create_app
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings
from detectlab.vision.detections import Detections

TOKEN = "the operators' token of these tests"
CLASSES = ("apple", "orange")


def one_apple(image: Any) -> Detections:
    """One apple in every picture, with a confidence that depends on its brightness."""
    confidence = 0.6 + 0.3 * float(image.mean()) / 255
    box = np.array([[10, 10, 50, 50]], np.float32)
    return Detections(box, np.array([confidence], np.float32), np.array([0]), CLASSES)


@pytest.fixture
def fake() -> testing.FakeDetector:
    """A detector that finds one apple in every picture."""
    return testing.FakeDetector("fake", CLASSES, answer=one_apple)


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    """Makes clients of apps over a fake detector; every picture's pixels are looked at."""
    opened: list[TestClient] = []

    def make(
        detector: testing.FakeDetector, *, store: Store | None = None, **limits: Any
    ) -> TestClient:
        given = {"home": tmp_path, "monitoring_share": 1.0, "operator_token": TOKEN, **limits}
        settings = Settings(**given)
        card = replace(get_card("nano"), name=detector.name, classes=detector.names)
        pool = ThreadPool(lambda name: detector, {detector.name: card}, detector.name, settings)
        headers = {"X-Operator-Token": TOKEN}
        app = create_app(pool, settings, store)
        client = TestClient(app, client=("127.0.0.1", 50000), headers=headers)
        opened.append(client)
        client.__enter__()
        return client

    yield make
    for client in reversed(opened):
        client.__exit__(None, None, None)


@pytest.fixture(scope="session")
def make_jpeg() -> Callable[..., bytes]:
    """Makes pictures of coloured blots, about as bright as asked, each seed others."""

    def make(seed: int, brightness: float = 140) -> bytes:
        rng = np.random.default_rng(seed)
        blots = rng.normal(brightness + rng.normal(0, 8), 25, (6, 8, 3)).clip(0, 255)
        pixels = cv2.resize(blots.astype(np.uint8), (96, 72), interpolation=cv2.INTER_CUBIC)
        return cv2.imencode(".jpg", pixels)[1].tobytes()

    return make


@pytest.fixture(scope="session")
def send(make_jpeg: Callable[..., bytes]) -> Callable[..., None]:
    """Sends some pictures."""

    def send_all(client: TestClient, count: int, first: int = 0, brightness: float = 140) -> None:
        for seed in range(first, first + count):
            files = {"file": make_jpeg(seed, brightness)}
            answer = client.post("/predict", files=files, headers={"Accept": "application/json"})
            assert answer.status_code == 200, answer.text

    return send_all


@pytest.fixture(scope="session")
def usual_bins() -> Callable[..., Indices]:
    """Makes the bins of a picture like others, whose named statistics may be shifted."""

    def make(rng: np.random.Generator, **shift: float) -> Indices:
        values = np.full(COUNT, np.nan)
        values[NAMES.index("brightness")] = 110 + 20 * rng.normal()
        values[NAMES.index("sharpness")] = np.exp(6 + rng.normal())
        values[NAMES.index("objects")] = rng.poisson(2)
        values[NAMES.index("first_class")] = rng.integers(0, 3)
        for name, change in shift.items():
            values[NAMES.index(name)] += change
        return bins_of(values)

    return make


@pytest.fixture(scope="session")
def usual(usual_bins: Callable[..., Indices]) -> Sketch:
    """The sketch of 1,000 such pictures."""
    rng = np.random.default_rng(1)
    return Sketch.of_pictures([usual_bins(rng) for _ in range(1000)])
