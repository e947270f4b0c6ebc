"""Runners of a shadow in this process; `process_runner` has the one with a process of its own."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from detectlab.detection.detector import Detector
from detectlab.rollout.versions import RunningVersion
from detectlab.serving.deadline import Deadline
from detectlab.vision.detections import Detections
from detectlab.vision.images import decode_image


class ShadowError(RuntimeError):
    """The candidate gave no answer; the message says why."""


@dataclass(frozen=True)
class Task:
    """A picture to detect in, with the thresholds.

    Attributes:
        data: The picture's file as it was received.
        max_pixels: Largest picture that is decoded.
        confidence: Only objects above this, in `[0, 1]`.
        nms_threshold: Of two boxes whose IoU exceeds this, one is suppressed.
    """

    data: bytes
    max_pixels: int
    confidence: float
    nms_threshold: float


class Outcome(NamedTuple):
    """The result of a task.

    Attributes:
        detections: The objects.
        seconds: Time that the detector took.
    """

    detections: Detections
    seconds: float


class Runner(Protocol):
    """Runs a candidate on one picture at a time."""

    def run(self, task: Task) -> Outcome:
        """The result of a task.

        Raises:
            ShadowError: When the candidate fails.
        """

    def close(self) -> None:
        """Stop, from any thread, also in the middle of a picture."""


def detect_task(detector: Detector, task: Task) -> Outcome:
    """Decode a picture and run a detector on it, in this thread.

    Args:
        detector: The detector.
        task: The picture.
    """
    picture = decode_image(task.data, task.max_pixels)
    started = time.perf_counter()
    found = detector.detect(picture.pixels, task.confidence, task.nms_threshold)
    return Outcome(found, time.perf_counter() - started)


class ThreadRunner:
    """Runs a detector in the shadow's thread: for detectors that exist in this process only.

    A thread cannot be stopped when it hangs (the shadow then skips all later pictures), cannot be
    bounded in memory, and has no lower priority.

    Args:
        load: Loads the detector; called for the first picture.
    """

    def __init__(self, load: Callable[[], Detector]) -> None:
        self._load = load
        self._detector: Detector | None = None

    def run(self, task: Task) -> Outcome:
        """The result, as `Runner.run` says."""
        try:
            self._detector = self._detector or self._load()
            return detect_task(self._detector, task)
        except Exception as error:
            raise ShadowError(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Do nothing: a thread cannot be stopped."""


class PoolRunner:
    """Runs a version in the workers that it has for clients: for stable, which is trusted.

    Args:
        running: The version.
        timeout_s: Time for one picture.
    """

    def __init__(self, running: RunningVersion, timeout_s: float) -> None:
        self._running = running
        self._timeout_s = timeout_s

    def run(self, task: Task) -> Outcome:
        """The result, as `Runner.run` says."""
        try:
            return asyncio.run(
                self._running.pool.run(
                    self._running.detector_name,
                    lambda detector: detect_task(detector, task),
                    Deadline(self._timeout_s),
                )
            )
        except Exception as error:
            raise ShadowError(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Do nothing: the workers belong to the version."""
