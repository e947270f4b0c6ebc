"""The memory of loaded detectors is measured, and kept within the bound."""

import re
from functools import partial

import numpy as np
import pytest
from testing import wait_until

from detectlab.detection.memory import warm_up
from detectlab.serving.detector_cache import DetectorCache
from detectlab.vision.detections import Detections

MB = 1 << 20


class Hungry:
    """Takes 60 MB with its first picture, whatever its files say."""

    names: tuple[str, ...] = ("apple",)

    def __init__(self, name: str) -> None:
        self.name = name
        self.buffer = np.empty(0, np.uint8)

    def detect(
        self, image: np.ndarray, confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        if not self.buffer.size:
            self.buffer = np.ones(60 * MB, np.uint8)
        return Detections.empty(self.names)


def test_detectors_that_take_more_than_estimated_make_room() -> None:
    cache = DetectorCache(Hungry, lambda name: 1, 100 * MB, 1.0, partial(warm_up, at_once=1))

    for name in ("one", "two"):
        assert cache.get(name).result(30).name == name
        wait_until(lambda name=name: name in cache.measured)

    assert 40 * MB < cache.measured["two"] < 80 * MB
    wait_until(lambda: cache.loaded == ("two",))


def test_detector_that_takes_more_than_there_is_is_unloaded_and_refused() -> None:
    cache = DetectorCache(Hungry, lambda name: 1, 30 * MB, 1.0, partial(warm_up, at_once=1))

    cache.get("one").result(30)

    wait_until(lambda: cache.loaded == () and "one" in cache.measured)
    error = cache.get("one").exception(30)
    assert re.search(r"needs about [4-7]\d MB .*this server allows 30 MB", str(error))


class Leaving(Hungry):
    """Takes 60 MB, and the first one 90 MB more, which stay as those of a runtime do."""

    runtime = np.empty(0, np.uint8)

    def detect(
        self, image: np.ndarray, confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        if not Leaving.runtime.size:
            Leaving.runtime = np.ones(90 * MB, np.uint8)
        return super().detect(image, confidence, nms_threshold)


def test_what_an_evicted_detector_leaves_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Leaving, "runtime", np.empty(0, np.uint8))
    cache = DetectorCache(Leaving, lambda name: 1, 200 * MB, 1.0, partial(warm_up, at_once=1))

    for name in ("one", "two", "three"):
        cache.get(name).result(30)
        wait_until(lambda name=name: name in cache.measured)

    # The process around the test gives back memory of its own meanwhile: wide bounds.
    assert cache.measured["one"] > 110 * MB
    assert cache.measured["three"] < 90 * MB
    wait_until(lambda: cache.loaded == ("three",))


def test_size_of_a_detector_does_not_shrink_when_another_is_freed_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    resident = iter([100 * MB, 150 * MB, 150 * MB, 120 * MB])
    monkeypatch.setattr("detectlab.serving.detector_cache.resident_bytes", resident.__next__)
    cache = DetectorCache(Hungry, lambda name: 1, 100 * MB, 1.0, lambda detector: None)
    caplog.set_level("INFO", "detectlab")

    for count in (1, 2):
        cache.get("one").result(30)
        wait_until(lambda count=count: caplog.text.count("one takes 50 MB") == count)
        cache.discard(["one"])
