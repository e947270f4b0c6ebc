"""Starting a learner's composition where there is an engine, or a stored run of it.

`python -m detectlab.course.compose_run FOLDER` stores what it says, for machines without an engine.
"""

import argparse
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from detectlab.course.image_run import find_engine, say_run
from detectlab.course.linting import find_program

STORED = Path(__file__).parents[1] / "assets" / "compose_run.txt"
_ASK_S = 20.0
_BUILD_S = 900.0
_START_S = 90.0
_PAGE = "http://127.0.0.1:8501/_stcore/health"
_FROM_INSIDE = "import urllib.request as u; print(u.urlopen('{}/health', timeout=5).status)"


def find_compose() -> list[str] | None:
    """The command for compositions: `docker compose`, or `podman-compose`."""
    engine = find_engine()
    if engine is None:
        return None
    asked = subprocess.run([engine, "compose", "version"], capture_output=True, timeout=_ASK_S)
    if asked.returncode == 0:
        return [engine, "compose"]
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
    say_run(run(compose, Path(folder)) if compose else None, STORED, say)


def run(compose: Sequence[str], folder: Path) -> Iterator[str]:
    """Start and stop; each step gives a line.

    Args:
        compose: The command.
        folder: Has compose.yaml.

    Raises:
        RuntimeError: A step failed; the text has the last line that it said.
    """

    def call(*words: str, timeout_s: float = _ASK_S) -> str:
        asked = subprocess.run(
            [*compose, *words],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if asked.returncode != 0:
            lines = (asked.stderr or asked.stdout).strip().splitlines()
            raise RuntimeError(f"`{words[0]}`: {lines[-1] if lines else 'no reason'}")
        return asked.stdout.strip()

    page, address = _page_and_address((folder / "compose.yaml").read_text("utf-8"))
    call("build", timeout_s=_BUILD_S)
    try:
        started = time.perf_counter()
        call("up", "--detach", timeout_s=_START_S)
        said = _wait_for(_PAGE)
        yield f"the page answers: {said}, {time.perf_counter() - started:.0f} s after the start"
        status = call("exec", "-T", page, "python", "-c", _FROM_INSIDE.format(address))
        yield f"inside the page, the service's /health answers: {status.splitlines()[-1]}"
        yield f"outside, port 8000 answers: {_answers('http://127.0.0.1:8000/health')}"
    finally:
        call("down", timeout_s=_START_S)
    yield f"after the end, the page answers: {_answers(_PAGE)}"


def _page_and_address(text: str) -> tuple[str, str]:
    """The service that has the variable SERVICE, and its value."""
    for name, service in yaml.safe_load(text)["services"].items():
        given = service.get("environment") or {}
        pairs = given.items() if isinstance(given, dict) else (one.split("=", 1) for one in given)
        if address := dict(pairs).get("SERVICE"):
            return name, address.rstrip("/")
    raise RuntimeError("no service has the variable SERVICE")


def _wait_for(url: str) -> str:
    until = time.monotonic() + _START_S
    while (said := _answers(url)) == "no answer":
        if time.monotonic() > until:
            raise RuntimeError("the page does not answer")
        time.sleep(0.2)
    return said


def _answers(url: str) -> str:
    try:
        with urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except (URLError, OSError):
        return "no answer"


def main() -> None:
    """Store what a run says."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="has compose.yaml")
    options = parser.parse_args()
    compose = find_compose()
    if compose is None:
        parser.exit(1, "No engine with compose answers.\n")
    lines = list(run(compose, options.folder))
    STORED.write_text("\n".join(lines) + "\n", "utf-8")
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
