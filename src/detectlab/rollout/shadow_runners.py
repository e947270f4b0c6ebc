"""Where a shadow candidate runs: a process of its own, which can be stopped, or a thread."""

import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, NamedTuple, Protocol

from detectlab.detection.detector import Detector
from detectlab.rollout.detections_json import from_json
from detectlab.rollout.plan import ShadowBudget, Side
from detectlab.vision.detections import Detections
from detectlab.vision.images import decode_image

_START_TIMEOUT_S = 120.0
_LOWEST_PRIORITY = 19
_LENGTHS = struct.Struct(">II")

Facts = dict[str, Any]


class ShadowFailed(RuntimeError):
    """The candidate gave no answer; the message says why."""


@dataclass(frozen=True)
class Task:
    """A picture for the candidate.

    Attributes:
        data: Its file as it came.
        max_pixels: Largest picture that is unpacked.
        confidence: Only objects above this.
        nms_threshold: Of two boxes whose IoU exceeds this, one stays.
    """

    data: bytes
    max_pixels: int
    confidence: float
    nms_threshold: float


class Outcome(NamedTuple):
    """What the candidate found.

    Attributes:
        detections: The objects.
        seconds: What the detector took.
        size_wh: Width and height of the picture in pixels.
    """

    detections: Detections
    seconds: float
    size_wh: tuple[int, int]


class Runner(Protocol):
    """Runs a candidate on one picture at a time."""

    def run(self, task: Task) -> Outcome:
        """The candidate's answer.

        Raises:
            ShadowFailed: When there is none.
        """

    def close(self) -> None:
        """Stop it, from any thread, in the middle of a picture too."""


def detect_task(detector: Detector, task: Task) -> Outcome:
    """Decode a picture and run a detector on it, in this thread."""
    picture = decode_image(task.data, task.max_pixels)
    started = time.perf_counter()
    found = detector.detect(picture.pixels, task.confidence, task.nms_threshold)
    seconds = time.perf_counter() - started
    height, width = picture.pixels.shape[:2]
    return Outcome(found, seconds, (width, height))


class ThreadRunner:
    """Runs a detector in the thread that asks: for detectors that exist in this process only.

    What a thread cannot do: be stopped when it hangs (it then occupies the shadow's own thread, and
    everything after it is skipped), be held to an amount of memory, or leave the processor to
    others as another process would.

    Args:
        load: Gives the detector; called with the first picture.
    """

    def __init__(self, load: Callable[[], Detector]) -> None:
        self._load = load
        self._detector: Detector | None = None

    def run(self, task: Task) -> Outcome:
        """The detector's answer, as `Runner.run` says."""
        try:
            self._detector = self._detector or self._load()
            return detect_task(self._detector, task)
        except Exception as error:
            raise ShadowFailed(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Nothing can be stopped."""


class ProcessRunner:
    """Runs a candidate in a process of low priority, bounded in memory, and ends it when it hangs.

    The process starts with the first picture, and again with the next one after it ended.

    Args:
        side: The candidate.
        budget: Bounds its time and memory.
    """

    def __init__(self, side: Side, budget: ShadowBudget) -> None:
        self._command = [
            sys.executable, "-m", "detectlab.rollout.shadow_process", side.model_dump_json(),
            str(budget.memory_mb),
        ]  # fmt: skip
        self._timeout_s = budget.timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._changing = threading.Lock()
        self._is_closed = False

    def run(self, task: Task) -> Outcome:
        """The candidate's answer, as `Runner.run` says."""
        process = self._running()
        facts = {
            "max_pixels": task.max_pixels,
            "confidence": task.confidence,
            "nms_threshold": task.nms_threshold,
        }
        with self._killed_after(process, self._timeout_s) as was_killed:
            reply = _ask(process, facts, task.data)
        if reply is None:
            self._end()
            limit = f"no answer within {self._timeout_s:g} s"
            raise ShadowFailed(limit if was_killed.is_set() else "its process ended")
        if "error" in reply:
            raise ShadowFailed(str(reply["error"]))
        width, height = reply["size_wh"]
        return Outcome(from_json(reply["detections"]), float(reply["seconds"]), (width, height))

    def close(self) -> None:
        """Stop the process."""
        self._is_closed = True
        self._end()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process and self._process.poll() is None:
            return self._process
        with self._changing:
            if self._is_closed:
                raise ShadowFailed("it was stopped")
            process = self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        with contextlib.suppress(AttributeError, OSError):  # Windows has no such thing
            # From outside, so that starting it, which is work too, is nobody's loss.
            os.setpriority(os.PRIO_PROCESS, process.pid, _LOWEST_PRIORITY)
        assert process.stdout is not None
        with self._killed_after(process, _START_TIMEOUT_S):
            try:
                message = read_message(process.stdout)
            except (OSError, ValueError):  # closed meanwhile
                message = None
        if message is None or "error" in message[0]:
            self._end()
            reason = message[0]["error"] if message else "its process ended"
            raise ShadowFailed(f"it cannot be loaded: {reason}")
        return process

    @staticmethod
    @contextlib.contextmanager
    def _killed_after(
        process: "subprocess.Popen[bytes]", seconds: float
    ) -> Iterator[threading.Event]:
        """Kill the process when the block takes too long: its pipes then end, and so does it."""
        was_killed = threading.Event()

        def kill() -> None:
            was_killed.set()
            process.kill()

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            yield was_killed
        finally:
            timer.cancel()

    def _end(self) -> None:
        with self._changing:
            process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    assert pipe is not None
                    pipe.close()


def _ask(process: "subprocess.Popen[bytes]", facts: Facts, data: bytes) -> Facts | None:
    """The answer of a process, or `None` when it ended before it gave one."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        write_message(process.stdin, facts, data)
        message = read_message(process.stdout)
    except (OSError, ValueError):  # ValueError: the pipe was closed meanwhile
        return None
    return message[0] if message else None


def write_message(pipe: IO[bytes], facts: Facts, data: bytes = b"") -> None:
    """Send facts, and bytes that belong to them."""
    head = json.dumps(facts).encode()
    pipe.write(_LENGTHS.pack(len(head), len(data)) + head + data)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> tuple[Facts, bytes] | None:
    """What the other end sent with `write_message`, or `None` when it has ended."""
    lengths = pipe.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_length, data_length = _LENGTHS.unpack(lengths)
    head, data = pipe.read(head_length), pipe.read(data_length)
    if len(head) < head_length or len(data) < data_length:
        return None
    return json.loads(head), data
