"""The companion's modules, pictures, and real servers for it to ask."""

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from detectlab.detection.detector import NetworkDetector
from detectlab.engines.base import Network
from detectlab.engines.opencv import OpenCVEngine
from detectlab.kernel import ServerHandle, start
from detectlab.models.registry import get_card
from detectlab.serving.app import create_app
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings

COMPANION = Path(__file__).parents[2] / "client" / "companion"
CLASSES = ("apple", "orange", "wine glass", "pottedplant", "person")

# Streamlit does this for the script's folder when it runs the app.
sys.path.insert(0, str(COMPANION))


@pytest.fixture(scope="session")
def companion() -> Path:
    """The folder of the app."""
    return COMPANION


@pytest.fixture(scope="session")
def make_picture() -> Callable[..., bytes]:
    """Makes picture files: coloured blots, each seed others, in any format of Pillow's."""

    def make(
        format: str = "JPEG", size_wh: tuple[int, int] = (160, 120), seed: int = 0, **options: Any
    ) -> bytes:
        blots = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(blots).resize(size_wh).save(file, format, **options)
        return file.getvalue()

    return make


@pytest.fixture(scope="session")
def detectors(make_network: Callable[..., tuple[Path, Path]]) -> dict[str, NetworkDetector]:
    """Two real networks with random weights that find many things in any picture."""

    def make(name: str, seed: int, side: int) -> NetworkDetector:
        config, weights = make_network(len(CLASSES), seed=seed)
        engine = OpenCVEngine(Network(weights, config, (side, side)))
        return NetworkDetector(name, CLASSES, engine)

    return {"small": make("small", 0, 64), "large": make("large", 1, 96)}


@pytest.fixture(scope="session")
def make_app(detectors: dict[str, NetworkDetector]) -> Callable[..., Any]:
    """Makes the API over those detectors, with given settings."""

    def make(load: Any = None, **limits: Any) -> Any:
        settings = Settings(workers=2, **limits)
        cards = {name: replace(get_card("nano"), name=name, classes=CLASSES) for name in detectors}
        pool = ThreadPool(load or detectors.__getitem__, cards, "small", settings)
        return create_app(pool, settings)

    return make


@pytest.fixture
def run_api(make_app: Callable[..., Any]) -> Iterator[Callable[..., ServerHandle]]:
    """Runs the API for real, on a port of its own or a given one, until the test ends."""
    handles: list[ServerHandle] = []

    def run(port: int = 0, load: Any = None, **limits: Any) -> ServerHandle:
        handles.append(start(make_app(load, **limits), port=port))
        return handles[-1]

    yield run
    for handle in handles:
        handle.stop()
