"""Starting a learner's composition where there is an engine, or a stored run of it.

`python -m detectlab.course.compose_run FOLDER` stores what it says, for machines without an engine.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import yaml

from detectlab.course.containers import (
    START_S,
    answer_of,
    caller,
    find_engine,
    first_answer,
    show,
    store,
)
from detectlab.course.linting import find_program

_STORED = "compose_run.txt"
_BUILD_S = 900.0
_PAGE = "http://127.0.0.1:8501/_stcore/health"
_SERVICE = "http://127.0.0.1:8000/health"
_FROM_INSIDE = "import urllib.request as u; print(u.urlopen('{}/health', timeout=5).status)"


def find_compose() -> list[str] | None:
    """The command for compositions: `docker compose`, or `podman-compose`."""
    engine = find_engine()
    if engine is None:
        return None
    try:
        caller(engine)("compose", "version")
        return [engine, "compose"]
    except RuntimeError:
        program = find_program("podman-compose")
        return [program] if program else None


def up_and_down(folder: str | Path, say: Callable[[str], object] = print) -> None:
    """Start a composition, ask page and service, and stop it.

    Args:
        folder: Has compose.yaml.
        say: Takes each line of the report.
    """
    compose = find_compose()
    if compose is None:
        say("No engine with `docker compose` answers here.")
    show(run(compose, Path(folder)) if compose else None, _STORED, say)


def run(compose: Sequence[str], folder: Path) -> Iterator[str]:
    """Start and stop; each step gives a line.

    Args:
        compose: The command.
        folder: Has compose.yaml.

    Raises:
        RuntimeError: A step failed; the text has the last line that it said.
    """
    call = caller(*compose, folder=folder)
    page, address = _page_and_address((folder / "compose.yaml").read_text("utf-8"))
    call("build", timeout_s=_BUILD_S)
    try:
        started = time.perf_counter()
        call("up", "--detach", timeout_s=START_S)
        said = first_answer(_PAGE)
        yield f"the page answers: {said}, {time.perf_counter() - started:.0f} s after the start"
        status = call("exec", "-T", page, "python", "-c", _FROM_INSIDE.format(address))
        yield f"inside the page, the service's /health answers: {status.splitlines()[-1]}"
        yield f"outside, port 8000 answers: {answer_of(_SERVICE) or 'no answer'}"
    finally:
        call("down", timeout_s=START_S)
    yield f"after the end, the page answers: {answer_of(_PAGE) or 'no answer'}"


def _page_and_address(text: str) -> tuple[str, str]:
    """The service that has the variable SERVICE, and its value."""
    for name, service in yaml.safe_load(text)["services"].items():
        given = service.get("environment") or {}
        pairs = given.items() if isinstance(given, dict) else (one.split("=", 1) for one in given)
        if address := dict(pairs).get("SERVICE"):
            return name, address.rstrip("/")
    raise RuntimeError("no service has the variable SERVICE")


if __name__ == "__main__":
    found = find_compose()
    store(partial(run, found) if found else None, _STORED)
