"""Building and running a learner's image where there is an engine, or a stored run of it.

`python -m detectlab.course.image_run FOLDER` stores what it says, for machines without an engine.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from detectlab.cluster.processes import free_ports
from detectlab.course.containers import START_S, caller, find_engine, first_answer, show, store

_STORED = "image_run.txt"
_BUILD_S = 600.0
_TAG = "my-detection-service"


def build_and_run(folder: str | Path, say: Callable[[str], object] = print) -> None:
    """Build the image of a folder, run it, ask its health and its user, and stop it.

    Args:
        folder: Has the Dockerfile.
        say: Takes each line of the report.
    """
    engine = find_engine()
    if engine is None:
        say("No Docker engine answers here.")
    show(run(engine, Path(folder)) if engine else None, _STORED, say)


def run(engine: str, folder: Path) -> Iterator[str]:
    """Build and run; each step gives a line.

    Args:
        engine: The program, docker or podman.
        folder: Has the Dockerfile.

    Raises:
        RuntimeError: A step failed; the text has the engine's last line.
    """
    call = caller(engine)
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
    (port,) = free_ports(1)
    network = ["--publish", f"127.0.0.1:{port}:8000"]
    name = call("run", "--detach", "--rm", *network, _TAG, timeout_s=START_S)
    try:
        yield f"health: {first_answer(f'http://127.0.0.1:{port}/health')}"
        yield f"user: {call('exec', name, 'id', '-u')}"
    finally:
        started = time.perf_counter()
        call("stop", name, timeout_s=START_S)
    yield f"stopped: {time.perf_counter() - started:.1f} s"


if __name__ == "__main__":
    found = find_engine()
    store(partial(run, found) if found else None, _STORED)
