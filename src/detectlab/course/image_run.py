"""Building and running a learner's image where there is an engine, or a stored run of it.

`python -m detectlab.course.image_run FOLDER` stores what it says, for machines without an engine.
"""

import argparse
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from detectlab.course.own_files import free_port

STORED = Path(__file__).parents[1] / "assets" / "image_run.txt"
_ASK_S = 10.0
_BUILD_S = 600.0
_START_S = 60.0
_TAG = "my-detection-service"


def find_engine() -> str | None:
    """`docker` or `podman`, when it is installed and its engine answers."""
    for name in ("docker", "podman"):
        program = shutil.which(name)
        if program is None:
            continue
        try:
            asked = subprocess.run([program, "info"], capture_output=True, timeout=_ASK_S)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if asked.returncode == 0:
            return program
    return None


def build_and_run(folder: str | Path, say: Callable[[str], object] = print) -> None:
    """Build the image of a folder, run it, ask its health and its user, and stop it.

    Args:
        folder: Has the Dockerfile.
        say: Takes each line of the report.
    """
    engine = find_engine()
    if engine is None:
        say("No Docker engine answers here.")
    say_run(run(engine, Path(folder)) if engine else None, STORED, say)


def say_run(lines: Iterator[str] | None, stored: Path, say: Callable[[str], object]) -> None:
    """Say the lines of a run, or those of a stored one where there is none or it fails.

    Args:
        lines: Of the run, as it goes on; `None` without an engine.
        stored: A text file with the lines of another run.
        say: Takes each line.
    """
    if lines is not None:
        try:
            for line in lines:
                say(line)
            return
        except RuntimeError as error:
            say(f"It failed: {error}")
    say("This is a run from another machine:")
    for line in stored.read_text("utf-8").splitlines():
        say(line)


def run(engine: str, folder: Path) -> Iterator[str]:
    """Build and run; each step gives a line.

    Args:
        engine: The program, docker or podman.
        folder: Has the Dockerfile.

    Raises:
        RuntimeError: A step failed; the text has the engine's last line.
    """

    def call(*words: str, timeout_s: float = _ASK_S) -> str:
        asked = subprocess.run(
            [engine, *words], capture_output=True, text=True, timeout=timeout_s, check=False
        )
        if asked.returncode != 0:
            lines = (asked.stderr or asked.stdout).strip().splitlines()
            raise RuntimeError(f"`{' '.join(words[:2])}`: {lines[-1] if lines else 'no reason'}")
        return asked.stdout.strip()

    docker_format = ["--format", "docker"] if Path(engine).name == "podman" else []
    code = folder / "app.py"
    original = code.read_text("utf-8")
    try:
        for turn in ("built", "built again with another app.py"):
            started = time.perf_counter()
            call("build", *docker_format, "--tag", _TAG, str(folder), timeout_s=_BUILD_S)
            yield f"{turn}: {time.perf_counter() - started:.0f} s"
            code.write_text(original + "\n# changed\n", "utf-8")
    finally:
        code.write_text(original, "utf-8")
    size = int(call("image", "inspect", "--format", "{{.Size}}", _TAG))
    yield f"size: {size / 1e6:.0f} MB"
    port = free_port()
    network = ["--publish", f"127.0.0.1:{port}:8000"]
    name = call("run", "--detach", "--rm", *network, _TAG, timeout_s=_START_S)
    try:
        yield f"health: {_ask_health(f'http://127.0.0.1:{port}/health')}"
        yield f"user: {call('exec', name, 'id', '-u')}"
    finally:
        started = time.perf_counter()
        call("stop", name, timeout_s=_START_S)
    yield f"stopped: {time.perf_counter() - started:.1f} s"


def _ask_health(url: str) -> str:
    until = time.monotonic() + _START_S
    while True:
        try:
            with urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except (URLError, OSError):
            if time.monotonic() > until:
                raise RuntimeError("the container does not answer at /health") from None
            time.sleep(0.1)


def main() -> None:
    """Store what a run says."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="has the Dockerfile")
    engine = find_engine()
    if engine is None:
        parser.exit(1, "No engine answers.\n")
    lines = list(run(engine, parser.parse_args().folder))
    STORED.write_text("\n".join(lines) + "\n", "utf-8")
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
