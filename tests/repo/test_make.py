"""`make` and the scripts behind it, as a person uses them."""

import json
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from testing import wait_until

if TYPE_CHECKING:
    from repo.conftest import Project

OLD_PYTHON = '#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.18"\n[ "$1" = --version ]\n'


@pytest.fixture
def folder_of_commands(tmp_path: Path) -> Path:
    """A folder for the PATH that holds a shell and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    return folder


@pytest.fixture
def ask_python(
    folder_of_commands: Path, root: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a line of Python through the script that looks for one on that PATH."""

    def ask(**variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", root / "tools" / "with_python.sh", "-c", "import sys; print(sys.executable)"],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": str(folder_of_commands), **variables},
        )

    return ask


def add_old_python(folder: Path, name: str = "python3") -> None:
    (folder / name).write_text(OLD_PYTHON, "utf-8")
    (folder / name).chmod(0o755)


def test_python_that_is_missing_is_asked_for_in_one_sentence(
    ask_python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    run = ask_python()

    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith(
        "detectlab needs Python 3.11, 3.12 or 3.13, and here is no python3: install one of them"
    )
    assert run.stderr.count("\n") == 1


def test_python_that_is_too_old_is_named_in_one_sentence(
    ask_python: Callable[..., subprocess.CompletedProcess[str]], folder_of_commands: Path
) -> None:
    add_old_python(folder_of_commands)

    run = ask_python()
    assert (run.returncode, run.stdout) == (1, "")
    assert "and here is Python 3.8.18: install one of them" in run.stderr
    assert run.stderr.count("\n") == 1


def test_newer_python_beside_one_that_is_too_old_is_used(
    ask_python: Callable[..., subprocess.CompletedProcess[str]], folder_of_commands: Path
) -> None:
    add_old_python(folder_of_commands)
    add_old_python(folder_of_commands, "python3.13")
    newer = folder_of_commands / "python3.12"
    newer.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
    newer.chmod(0o755)

    run = ask_python()
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, sys.executable, "")


def test_python_named_by_hand_is_used_or_refused_but_not_replaced(
    ask_python: Callable[..., subprocess.CompletedProcess[str]], folder_of_commands: Path
) -> None:
    add_old_python(folder_of_commands, "older")
    (folder_of_commands / "python3").symlink_to(sys.executable)

    assert ask_python(PYTHON=sys.executable).stdout.strip() == sys.executable
    assert "here is Python 3.8.18" in ask_python(PYTHON="older").stderr


def test_make_alone_lists_what_it_can_do(root: Path) -> None:
    run = subprocess.run(["make"], cwd=root, capture_output=True, text=True, check=True)

    listed = re.findall(r"^  make ([\w-]+)\s+\w", run.stdout, re.M)
    phony = re.search(r"^\.PHONY: (.*)$", (root / "Makefile").read_text("utf-8"), re.M)
    assert phony is not None
    assert listed == [name for name in phony[1].split() if not name.startswith("setup-")]


def test_make_works_in_a_folder_with_any_name(ready_project: "Project", root: Path) -> None:
    shutil.copy(root / "Makefile", ready_project.folder)

    run = subprocess.run(
        ["make", "setup-lab", f"PYTHON={sys.executable}"],
        cwd=ready_project.folder,
        capture_output=True,
        text=True,
        check=False,
        env=ready_project.environment(),
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.slow
def test_lab_without_screen_prints_an_address_that_opens_the_notebook(
    root: Path, tmp_path: Path
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        subprocess.Popen(
            [sys.executable, root / "tools" / "start_lab.py", f"--port={taken.getsockname()[1]}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            env={"PATH": "", "HOME": str(tmp_path)},
        ) as process,
    ):
        try:
            address = printed_address(process)
            assert f":{taken.getsockname()[1]}/" not in address
            # Jupyter prints its address a moment before it listens there.
            wait_until(lambda: listens(address))
            with urllib.request.urlopen(address, timeout=60) as answer:
                page, url = answer.read().decode(), answer.url
            with urllib.request.urlopen(settings_address(address), timeout=60) as answer:
                notifications = json.load(answer)["schema"]["properties"]
        finally:
            process.kill()
    assert url.partition("?")[0].endswith("/lab/tree/my-lab/notebooks/server.ipynb")
    assert "JupyterLab" in page
    # Nobody is asked about news, and nothing calls home.
    assert notifications["fetchNews"]["default"] == "false"
    assert notifications["checkForUpdates"]["default"] is False


def settings_address(address: str) -> str:
    """Where a running lab tells its settings of notifications."""
    parts = urlsplit(address)
    path = "/lab/api/settings/@jupyterlab/apputils-extension:notification"
    return parts._replace(path=path).geturl()


def listens(address: str) -> bool:
    """Say whether somebody takes connections there."""
    parts = urlsplit(address)
    with socket.socket() as asking:
        return asking.connect_ex((parts.hostname, parts.port)) == 0


def printed_address(process: subprocess.Popen[str]) -> str:
    """Wait until Jupyter has printed where it is."""
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        found = re.search(r"http://127\.0\.0\.1:\d+/lab/tree/\S+\?token=\w+", line)
        if found:
            return found[0]
    pytest.fail("no address: " + "".join(printed))
