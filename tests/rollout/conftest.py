"""Answers, pictures, plans and routers for the tests of rollouts."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from detectlab.detections import Detections
from detectlab.detector import load_detector
from detectlab.pool import ThreadPool
from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.router import Router
from detectlab.rollout.series import Series
from detectlab.rollout.store import Store
from detectlab.settings import Settings

NAMES = ("apple", "orange", "banana")
Row = tuple[list[int], str, float]


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
    pixels = cv2.imdecode(np.frombuffer(apples, np.uint8), cv2.IMREAD_COLOR)
    found = load_detector("nano").detect(pixels.astype(np.uint8))
    assert len(found)
    return found


@pytest.fixture
def store() -> Iterator[Store]:
    """A store in memory."""
    made = Store()
    yield made
    made.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rollout.sqlite"


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """Waits for a condition, with a deadline."""

    def wait(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, f"waited {seconds:g} s for {what}"
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="session")
def plan() -> Callable[..., RolloutPlan]:
    """Makes plans: `nano` is stable, and also the candidate, with a smaller input."""

    def make(mode: str = "canary", **changes: Any) -> RolloutPlan:
        content = {
            "mode": mode,
            "stable": {"model": "nano"},
            "candidate": {"model": "nano", "input_size": 320},
            **changes,
        }
        return RolloutPlan.model_validate(content)

    return make


@pytest.fixture
def make_router() -> Iterator[Callable[..., Router]]:
    """Makes routers over the detectors of the registry, and closes what they hold."""
    closing: list[Callable[[], None]] = []

    def make(file: Path | None = None, **limits: Any) -> Router:
        settings = Settings(**{"workers": 2, "model": "nano", **limits})
        pool, store = ThreadPool(default="nano", settings=settings), Store(file)
        router = Router(pool, store, settings, Series(CollectorRegistry()))
        closing.extend([store.close, lambda: pool.close(5), router.close])
        return router

    yield make
    for close in reversed(closing):
        close()


@pytest.fixture(scope="session")
def run() -> Callable[..., Any]:
    """Runs a coroutine."""
    return asyncio.run
