"""The tests of routes and errors once more, over a pool whose detectors run elsewhere."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detectlab.cluster.remote_pool import RayPool
from detectlab.detection.detector import Detector
from detectlab.models.registry import get_card
from detectlab.serving.deadline import Deadline
from detectlab.settings import Settings
from detectlab.vision.detections import Detections

HERE = Path(__file__).parent
# What is about loading detectors into the server's own memory has no meaning there.
ABOUT_LOADING = ("load", "fetch", "memory", "weights", "unload", "removed", "pull", "not_here")


def _tests_of(name: str) -> dict[str, Any]:
    spec = spec_from_file_location(f"{name}_over_a_cluster", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return {
        f"{test}_over_a_cluster": function
        for test, function in vars(module).items()
        if test.startswith("test_") and not any(word in test for word in ABOUT_LOADING)
    }


for file in ("test_about", "test_errors", "test_predict"):
    globals().update(_tests_of(file))


class PlayedCluster:
    """Runs the detectors in the thread that asks, as a replica would in its own process."""

    def __init__(self, detectors: tuple[Detector, ...]) -> None:
        self._detectors = {detector.name: detector for detector in detectors}

    def deployed(self) -> Mapping[str, bool]:
        return dict.fromkeys(self._detectors, True)

    def detect(
        self, name: str, image: NDArray[np.uint8], confidence: float, nms_threshold: float,
        deadline: Deadline,
    ) -> Detections:  # fmt: skip
        return self._detectors[name].detect(image, confidence, nms_threshold)


@pytest.fixture
def make_pool() -> Iterator[Callable[..., RayPool]]:
    """Makes pools of given detectors, as the fixture of that name does for one machine."""
    pools: list[RayPool] = []

    def make(*detectors: Detector, cards: Any = None, **limits: Any) -> RayPool:
        cards = cards or {
            one.name: replace(get_card("nano"), name=one.name, classes=one.names)
            for one in detectors
        }
        settings = Settings(**{"workers": 2, **limits})
        pools.append(RayPool(cards, PlayedCluster(detectors), settings))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close(5)
