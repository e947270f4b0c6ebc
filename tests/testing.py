"""What tests of several packages use: one fake detector, one way to wait, free ports, pixels."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.vision.detections import Detections


def wait_until(
    condition: Callable[..., object], what: str = "the condition", seconds: float = 120
) -> None:
    """Wait for a condition, and fail at the deadline.

    Args:
        condition: What must become true.
        what: Its name, for the error.
        seconds: The deadline.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.01)


async def until(
    condition: Callable[..., object], what: str = "the condition", seconds: float = 120
) -> None:
    """Wait as `wait_until` does, while other tasks go on."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        await asyncio.sleep(0.01)


def free_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 that are free now."""
    with contextlib.ExitStack() as stack:
        servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        return [stack.enter_context(server).getsockname()[1] for server in servers]


def is_listening(port: int) -> bool:
    """Whether something accepts connections at a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def pixels_of(file: Path | bytes) -> NDArray[np.uint8]:
    """The pixels of a picture, `(height, width, 3)` BGR, by OpenCV alone.

    Args:
        file: Its file, or what that holds.
    """
    data = file if isinstance(file, bytes) else file.read_bytes()
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None, "this is no picture"
    return np.asarray(pixels, np.uint8)


class FakeDetector:
    """A detector whose answer, duration and failure the test decides.

    Args:
        name: What it is called.
        names: Its classes.
        answer: Gives the objects in a picture; by default there are none.
        seconds: How long each detection takes.
        error: Raised instead of an answer; may be set and cleared later.
        gated: Whether detections wait until the test sets `gate`.

    Attributes:
        gate: Detections wait until it is set.
        started: Released once by each detection that starts.
        calls: How many detections have started.
    """

    def __init__(
        self,
        name: str = "fake",
        names: tuple[str, ...] = ("apple",),
        *,
        answer: Callable[[NDArray[np.uint8]], Detections] | None = None,
        seconds: float = 0.0,
        error: Exception | None = None,
        gated: bool = False,
    ) -> None:
        self.name = name
        self.names = names
        self.seconds = seconds
        self.error = error
        self.gate = threading.Event()
        self.started = threading.Semaphore(0)
        self.calls = 0
        self._answer = answer
        if not gated:
            self.gate.set()

    def detect(
        self, image: NDArray[np.uint8], confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        """Answer, fail or wait as the test wants it."""
        self.calls += 1
        self.started.release()
        assert self.gate.wait(60), "the test did not open the gate in 60 s"
        if self.seconds:
            time.sleep(self.seconds)
        if self.error:
            raise self.error
        return self._answer(image) if self._answer else Detections.empty(self.names)
