"""What an input costs: processor seconds and megabytes, measured in a child process."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from detectlab.serving.child_process import ChildProcess
from detectlab.serving.picture_decoder import processor_seconds
from detectlab.vision.images import check_header

MAX_SECONDS, MAX_MEGABYTES = 1.0, 300.0
_TIMEOUT_S = 60.0


@dataclass(frozen=True, order=True)
class Cost:
    """What an input took.

    Attributes:
        score: 1 at one second or 300 MB.
        seconds: Of processor time.
        megabytes: Beyond what the process held before.
        outcome: What became of it.
    """

    score: float
    seconds: float
    megabytes: float
    outcome: str


class Judge:
    """Measures inputs; its process is started again when an input ended it."""

    def __init__(self) -> None:
        self._process: ChildProcess | None = None

    def cost(self, data: bytes, is_form: bool = False) -> Cost:
        process = self._running()
        reply = process.ask({"is_form": is_form}, data, timeout_s=_TIMEOUT_S)
        if reply:
            return _cost(**reply[0])
        process.end()
        if process.exit_code == -getattr(
            signal, "SIGPROF", 0
        ):  # what the service would have spent, too
            return _cost(processor_seconds(check_header(data)), 0.0, "given up after its time")
        return _cost(_TIMEOUT_S, 0.0, f"ended the process ({process.exit_code})")

    def close(self) -> None:
        if self._process:
            self._process.end()

    def _running(self) -> ChildProcess:
        if self._process is None or not self._process.is_running:
            self.close()
            tests = str(Path(__file__).parents[1])
            path = os.pathsep.join((tests, os.environ.get("PYTHONPATH", "")))
            environment = {**os.environ, "PYTHONPATH": path}
            self._process = ChildProcess("fuzz.child", environment=environment)
            assert self._process.receive(120) is not None, "the child did not start"
        return self._process


def _cost(seconds: float, megabytes: float, outcome: str) -> Cost:
    return Cost(max(seconds / MAX_SECONDS, megabytes / MAX_MEGABYTES), seconds, megabytes, outcome)
