"""Make the project's virtual environment, `.venv`, or bring it up to date.

    tools/with_python.sh tools/setup_env.py lab|dev [--folder FOLDER] [--venv NAME]

Installs what `requirements/NAME.txt` locks, every file checked by its hash, and then the project
itself. A stamp in the environment says what is done: so the next start takes no time, and an
environment that was interrupted, moved or outgrown is recognised and put right. Only the standard
library is used, because nothing else is there yet. pip runs as its user configured it, so mirrors
and proxies work.
"""

import argparse
import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from folder_lock import locked
from pip_output import Progress, explain
from stamp import STAMP, Stamp, package_name, project_digest, read_lock, read_stamp, write_stamp

# Measured while pip unpacks: 3.3 and 4.3; its cache may lie on the same disk.
NEEDED_GB = {"lab": 4.0, "dev": 5.0, "yolov5": 10.0}
BUILD_TOOLS = ("setuptools", "wheel")  # packages that come as source are built with the lock's own


class SetupError(Exception):
    """One sentence for the person at the terminal."""


class Environment:
    """The virtual environment of the project in `folder`."""

    def __init__(self, folder: Path, venv: str = ".venv") -> None:
        """Name the environment; nothing is created yet."""
        self.folder = folder.resolve()
        self.path = self.folder / venv
        self.log = self.path / "setup.log"
        self.python = self.path / ("Scripts" if os.name == "nt" else "bin") / "python"

    def set_up(self, name: str) -> bool:
        """Install what `requirements/<name>.txt` locks, and the project.

        Returns:
            Whether anything was missing.
        """
        lock = read_lock(self.folder / "requirements" / f"{name}.txt")
        before = read_stamp(self.path)
        if not self._is_usable():
            self._create(NEEDED_GB.get(name, 0.0))
        # An environment without a stamp was made by hand: pip will see what is in it.
        stamp = read_stamp(self.path) or Stamp(str(self.folder), ready=True)
        if not set(lock) <= set(stamp.pins):
            stamp = self._install_lock(stamp, lock)
        project = project_digest(self.folder)
        if stamp.project != project:
            self._pip(["--no-deps", "--no-build-isolation", "--editable", str(self.folder)])
            stamp = write_stamp(self.path, replace(stamp, project=project))
        if not stamp.opencv_works and any(pin.startswith("opencv-python==") for pin in lock):
            self._check_opencv()
            stamp = write_stamp(self.path, replace(stamp, opencv_works=True))
        return stamp != before

    def clear_unfinished(self) -> None:
        """Give back the disk space of an environment that did not get ready."""
        stamp = read_stamp(self.path)
        if stamp is not None and not stamp.ready:
            self._clear()

    def _is_usable(self) -> bool:
        stamp = read_stamp(self.path)
        if stamp is not None and not (stamp.ready and stamp.folder == str(self.folder)):
            return False  # interrupted; or moved, and its scripts name the old place
        works = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
        try:
            return run_quietly(self.python, "-I", "-c", works).returncode == 0
        except OSError:
            return False

    def _create(self, needed_gb: float) -> None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        name = self.path.name
        print(f"Setting up {name} with Python {version}: some minutes, the first time only.")
        if find_spec("venv") is None or find_spec("ensurepip") is None:
            raise SetupError(
                "this Python cannot make virtual environments: install what it lacks (on Debian "
                f"and Ubuntu: sudo apt install python{version}-venv) and run this again."
            )
        self.path.mkdir(exist_ok=True)
        # Comes first and says "not ready": whatever happens now, the next run starts afresh.
        write_stamp(self.path, Stamp(str(self.folder), ready=False))
        self._clear()
        self.log.unlink(missing_ok=True)
        free_gb = shutil.disk_usage(self.path).free / 1e9
        if free_gb < needed_gb:
            raise SetupError(
                f"the disk is too full: {self.folder} needs {needed_gb} GB, and {free_gb:.1f} GB "
                "are free: make room and run this again."
            )
        made = run_quietly(sys.executable, "-m", "venv", self.path)
        if made.returncode != 0:
            raise SetupError(explain(made.stdout))

    def _clear(self) -> None:
        """Empty the folder but for stamp and log; keep it: it may be a link to another disk."""
        for entry in self.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry not in (self.path / STAMP, self.log):
                entry.unlink()

    def _install_lock(self, stamp: Stamp, lock: dict[str, str]) -> Stamp:
        tools = {pin: text for pin, text in lock.items() if package_name(pin) in BUILD_TOOLS}
        for part in filter(None, (tools, lock)):
            requirements = self.path / "requirements.txt"
            requirements.write_text("".join(part.values()), "utf-8")
            options = ["--require-hashes", "--no-deps", "--no-build-isolation"]
            self._pip([*options, "--requirement", str(requirements)], len(part), stamp)
        replaced = {package_name(pin) for pin in lock}
        kept = [pin for pin in stamp.pins if package_name(pin) not in replaced]
        return write_stamp(self.path, Stamp(str(self.folder), ready=True, pins=(*kept, *lock)))

    def _pip(self, arguments: list[str], total: int = 0, stamp: Stamp | None = None) -> None:
        """Run `pip install`; from its first change on, `stamp` is not ready."""
        scratch = self.path / "tmp"  # the system's own may be small, and on another disk
        scratch.mkdir(exist_ok=True)
        temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
        command = [str(self.python), "-I", "-m", "pip", "install", *arguments]
        options = ["--disable-pip-version-check", "--no-input", "--progress-bar=off"]
        said = []
        with (
            self.log.open("a", encoding="utf-8") as log,
            Progress(total, self._count_installed) as progress,
            subprocess.Popen(
                [*command, *options],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                env={**os.environ, "PIP_USER": "0", **temporary},
            ) as process,
        ):
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                log.write(line)
                progress.feed(line)
                if stamp is not None and line.startswith("Installing collected packages"):
                    write_stamp(self.path, replace(stamp, ready=False))
        shutil.rmtree(scratch, ignore_errors=True)
        if process.returncode != 0:
            raise SetupError(explain("".join(said)))

    def _count_installed(self) -> int:
        places = ("lib/python*/site-packages", "Lib/site-packages")  # POSIX and Windows
        return len({info for place in places for info in self.path.glob(f"{place}/*.dist-info")})

    def _check_opencv(self) -> None:
        tried = run_quietly(self.python, "-I", "-c", "import cv2")
        if tried.returncode != 0:
            reason = tried.stdout.strip().splitlines()[-1]
            raise SetupError(
                "OpenCV misses libraries of the system: install them (on Debian and Ubuntu: "
                f"sudo apt install libgl1 libglib2.0-0) and run this again. It says: {reason}"
            )


def run_quietly(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and keep what it prints."""
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def as_sentence(error: OSError, folder: Path) -> str:
    """Return what a person can do about an error of the file system."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return explain("No space left on device")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{folder} cannot be written to: clone the project into a folder of your own."
    return str(error)


def say_waiting() -> None:
    """Say that another process holds the lock."""
    print("Another set-up is at work in this folder: waiting for it.", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Set up; on failure print one sentence that says what to do.

    Args:
        arguments: Those of the command line, by default.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description="Make or update the project's .venv.")
    parser.add_argument("name", help="what to install: requirements/NAME.txt")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--venv", default=".venv", help="the environment's own folder")
    options = parser.parse_args(arguments)
    environment = Environment(options.folder, options.venv)
    start = time.monotonic()
    try:
        with locked(environment.folder, on_wait=say_waiting):
            if environment.set_up(options.name):
                print(f"The environment is ready ({time.monotonic() - start:.0f} s).", flush=True)
        return 0
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to finish the set-up.", file=sys.stderr)
        return 130
    except (SetupError, OSError) as error:
        text = as_sentence(error, environment.folder) if isinstance(error, OSError) else str(error)
        with suppress(OSError):
            environment.clear_unfinished()
        print(f"Set-up failed: {text}", file=sys.stderr)
        if environment.log.exists():
            print(f"(pip's own words: {environment.log})", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
