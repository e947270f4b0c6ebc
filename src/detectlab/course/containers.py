"""What runs of a learner's containers have in common: the engine, its answers, and stored runs."""

import argparse
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

_ASSETS = Path(__file__).parents[1] / "assets"
_ASK_S = 20.0
START_S = 90.0


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


def caller(*program: str, folder: Path | None = None) -> Callable[..., str]:
    """A function that runs a program with some words and gives what it says.

    Args:
        program: The program, and the words that come first.
        folder: Where it runs.

    Returns:
        The function: its keyword `timeout_s` bounds the run, and a run that fails raises
        `RuntimeError` with the last line that the program said.
    """

    def call(*words: str, timeout_s: float = _ASK_S) -> str:
        command = [*program, *words]
        asked = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        if asked.returncode != 0:
            lines = (asked.stderr or asked.stdout).strip().splitlines()
            raise RuntimeError(f"`{' '.join(words[:2])}`: {lines[-1] if lines else 'no reason'}")
        return asked.stdout.strip()

    return call


def answer_of(url: str) -> str | None:
    """What an address answers; `None` when nothing answers there."""
    try:
        with urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except (URLError, OSError):
        return None


def first_answer(url: str) -> str:
    """What an address answers, as soon as it does.

    Raises:
        RuntimeError: Nothing answers within 90 s.
    """
    until = time.monotonic() + START_S
    while (said := answer_of(url)) is None:
        if time.monotonic() > until:
            raise RuntimeError(f"nothing answers at {url}")
        time.sleep(0.1)
    return said


def show(lines: Iterator[str] | None, stored: str, say: Callable[[str], object]) -> None:
    """Show the lines of a run, or those of a stored one where there is none or it fails.

    Args:
        lines: Of the run, as it goes on; `None` without an engine.
        stored: Name of a file of the package with the lines of another run.
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
    for line in (_ASSETS / stored).read_text("utf-8").splitlines():
        say(line)


def store(run: Callable[[Path], Iterator[str]] | None, stored: str) -> None:
    """Run in the folder that the command line names, and store the lines for `show`.

    Args:
        run: Gives the lines; `None` without an engine.
        stored: As for `show`.
    """
    parser = argparse.ArgumentParser(description="Store what a run says.")
    parser.add_argument("folder", type=Path, help="has the Dockerfile, or compose.yaml")
    folder = parser.parse_args().folder
    if run is None:
        parser.exit(1, "No engine answers.\n")
    lines = list(run(folder))
    (_ASSETS / stored).write_text("\n".join(lines) + "\n", "utf-8")
    print(*lines, sep="\n")
