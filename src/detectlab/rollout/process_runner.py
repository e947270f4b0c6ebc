"""Runs a candidate in a process of its own, which can be killed: in the shadow, or to try it."""

import os
import threading
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from detectlab.rollout.detections_json import from_json
from detectlab.rollout.plan import ShadowBudget, Version
from detectlab.rollout.shadow_runners import Outcome, ShadowError, Task
from detectlab.rollout.versions import UnusableVersion
from detectlab.serving.child_process import ChildProcess

_MODULE = "detectlab.rollout.shadow_process"
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
        self._arguments = version.model_dump_json(), str(budget.memory_mb)
        self._environment = {**os.environ, **({"DETECTLAB_HOME": str(home)} if home else {})}
        self._is_urgent = is_urgent
        self._timeout_s = budget.timeout_s
        self._process: ChildProcess | None = None
        self._changing = threading.Lock()
        self._is_closed = False

    def run(self, task: Task) -> Outcome:
        """The result, as `Runner.run` says."""
        process = self._running()
        facts = {
            "max_pixels": task.max_pixels,
            "confidence": task.confidence,
            "nms_threshold": task.nms_threshold,
        }
        reply = process.ask(facts, task.data, timeout_s=self._timeout_s)
        if reply is None:
            self._end()
            limit = f"no answer within {self._timeout_s:g} s"
            raise ShadowError(limit if process.timed_out else "its process ended")
        answer, _ = reply
        if "error" in answer:
            raise ShadowError(str(answer["error"]))
        return Outcome(from_json(answer["detections"]), float(answer["seconds"]))

    def close(self) -> None:
        """Stop the process."""
        self._is_closed = True
        self._end()

    def _running(self) -> ChildProcess:
        if self._process and self._process.is_running:
            return self._process
        with self._changing:
            if self._is_closed:
                raise ShadowError("it was stopped")
            process = self._process = ChildProcess(
                _MODULE, *self._arguments, environment=self._environment
            )
        if not self._is_urgent:
            process.lower_priority(_LOWEST_PRIORITY)  # now, so that its start has it, too
        message = process.receive(_START_TIMEOUT_S)
        if message is None or "error" in message[0]:
            self._end()
            reason = message[0]["error"] if message else "its process ended"
            raise ShadowError(f"it cannot be loaded: {reason}")
        return process

    def _end(self) -> None:
        with self._changing:
            process, self._process = self._process, None
        if process:
            process.end()


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
