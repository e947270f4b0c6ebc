"""Runs a candidate in a process of its own, which can be killed: in the shadow, or to try it."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import psutil

from detectlab.rollout.detections_json import from_json
from detectlab.rollout.plan import ShadowBudget, Version
from detectlab.rollout.shadow_process import Header, read_message, write_message
from detectlab.rollout.shadow_runners import Outcome, ShadowError, Task
from detectlab.rollout.versions import UnusableVersion

_START_TIMEOUT_S = 120.0
_LOWEST_PRIORITY = 19
_TRIAL_PICTURES = 10


class ProcessRunner:
    """Runs a candidate in a process of low priority, bounded in memory, and kills it on a timeout.

    The process starts with the first picture, and again after it ended.

    Args:
        version: The candidate.
        budget: Bounds its time and memory.
        home: Where detectors are stored; by default the environment's.
        is_urgent: Whether it runs with the usual priority.
    """

    def __init__(
        self,
        version: Version,
        budget: ShadowBudget,
        home: Path | None = None,
        *,
        is_urgent: bool = False,
    ) -> None:
        module = "detectlab.rollout.shadow_process"
        arguments = [version.model_dump_json(), str(budget.memory_mb)]
        self._command = [sys.executable, "-m", module, *arguments]
        self._env = {**os.environ, **({"DETECTLAB_HOME": str(home)} if home else {})}
        self._is_urgent = is_urgent
        self._timeout_s = budget.timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._changing = threading.Lock()
        self._is_closed = False

    def run(self, task: Task) -> Outcome:
        """The result, as `Runner.run` says."""
        process = self._running()
        header = {
            "max_pixels": task.max_pixels,
            "confidence": task.confidence,
            "nms_threshold": task.nms_threshold,
        }
        with self._killed_after(process, self._timeout_s) as was_killed:
            reply = _request(process, header, task.data)
        if reply is None:
            self._end()
            limit = f"no answer within {self._timeout_s:g} s"
            raise ShadowError(limit if was_killed.is_set() else "its process ended")
        if "error" in reply:
            raise ShadowError(str(reply["error"]))
        return Outcome(from_json(reply["detections"]), float(reply["seconds"]))

    def close(self) -> None:
        """Stop the process."""
        self._is_closed = True
        self._end()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process and self._process.poll() is None:
            return self._process
        with self._changing:
            if self._is_closed:
                raise ShadowError("it was stopped")
            process = self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._env
            )
        if not self._is_urgent:
            _lower_priority(process.pid)  # from outside, so that its start has low priority, too
        assert process.stdout is not None
        with self._killed_after(process, _START_TIMEOUT_S):
            try:
                message = read_message(process.stdout)
            except (OSError, ValueError):  # closed meanwhile
                message = None
        if message is None or "error" in message[0]:
            self._end()
            reason = message[0]["error"] if message else "its process ended"
            raise ShadowError(f"it cannot be loaded: {reason}")
        return process

    @staticmethod
    @contextlib.contextmanager
    def _killed_after(
        process: "subprocess.Popen[bytes]", seconds: float
    ) -> Iterator[threading.Event]:
        """Kill the process when the block takes too long, which closes its pipes."""
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


@cache  # once for each version: a trial that fails raises, and is tried again
def try_version(version: Version, budget: ShadowBudget, home: Path) -> None:
    """Load a version and run it on ten pictures, in a process that it may crash.

    Args:
        version: The version.
        budget: Bounds its time for a picture, and its memory.
        home: Where detectors are stored.

    Raises:
        UnusableVersion: When it fails there.
    """
    _, picture = cv2.imencode(".png", np.full((240, 320, 3), 127, np.uint8))
    task = Task(picture.tobytes(), 320 * 240, confidence=0.5, nms_threshold=0.3)
    runner = ProcessRunner(version, budget, home, is_urgent=True)
    try:
        for _ in range(_TRIAL_PICTURES):
            runner.run(task)
    except ShadowError as error:
        raise UnusableVersion(
            f"{version.label} fails in a process of its own, where it was tried first: {error}"
        ) from None
    finally:
        runner.close()


def _lower_priority(pid: int) -> None:
    with contextlib.suppress(psutil.Error):
        # On Windows there are classes instead of numbers.
        lowest = getattr(psutil, "IDLE_PRIORITY_CLASS", _LOWEST_PRIORITY)
        psutil.Process(pid).nice(lowest)


def _request(process: "subprocess.Popen[bytes]", header: Header, data: bytes) -> Header | None:
    """The reply of a process, or `None` when it ended first."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        write_message(process.stdin, header, data)
        message = read_message(process.stdout)
    except (OSError, ValueError):  # ValueError: the pipe was closed meanwhile
        return None
    return message[0] if message else None
