"""Who is measured, and how each is started and stopped."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

BENCHMARKS = Path(__file__).resolve().parent.parent
START_S = 120.0


class ServerFailed(RuntimeError):
    """A server that is to be measured does not start."""


@dataclass(frozen=True)
class Contestant:
    """A server to be measured.

    Attributes:
        name: Its name in the results, such as `"detectlab opencv float32"`.
        command: What starts it, behind `python -m`.
        variables: Its environment, beside what every process gets.
        model: The detector that it runs.
        accept: What the answers shall be.
        pictures: Pictures of its own to send; by default those of the run.
    """

    name: str
    command: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    model: str = "yolov3-tiny"
    accept: str = "image/jpeg"
    pictures: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Started:
    """A running server: its address, and its process."""

    url: str
    process: psutil.Process

    def cpu_s(self) -> float:
        """Processor time that it and its workers have taken, in seconds."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(sum(member.cpu_times()[:2]) for member in family)


def plain_environment(**more: str) -> dict[str, str]:
    """This environment without detectlab's settings, so that all runs are alike."""
    kept = {name: v for name, v in os.environ.items() if not name.startswith("DETECTLAB_")}
    path = os.pathsep.join(filter(None, [str(BENCHMARKS), os.environ.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path, **more}


@contextmanager
def started(contestant: Contestant, log: Path) -> Iterator[Started]:
    """Start a server, wait until it answers, and stop it at the end of the block.

    Args:
        contestant: Which.
        log: File for what it prints on standard error.

    Raises:
        ServerFailed: When it does not start; the message has the end of its log.
    """
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", *contestant.command],
            env=plain_environment(**contestant.variables),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        address = re.search(r"http://[\d.]+:\d+", process.stdout.readline())
        if not address or not _answers(address[0], process):
            raise ServerFailed(
                f"{contestant.name} does not start; its log ends:\n{log.read_text()[-1500:]}"
            )
        yield Started(address[0], psutil.Process(process.pid))
    finally:
        _stop(process)


def _answers(url: str, process: "subprocess.Popen[str]") -> bool:
    """Wait until a server says that it is well, or has ended."""
    until = time.monotonic() + START_S
    path = "/ready" if "detectlab" in process.args else "/docs"  # type: ignore[operator]
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(url + path, timeout=10):
                return True
        except (URLError, OSError):
            time.sleep(0.05)
    return False


def _stop(process: "subprocess.Popen[str]") -> None:
    """End a server and the workers that it started."""
    family = [process]
    with suppress(psutil.NoSuchProcess):
        family += psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
    for child in family[1:]:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()
