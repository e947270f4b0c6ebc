"""The set-up script at work, on a small project that needs no network."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from testing import wait_until

if TYPE_CHECKING:
    from repo.conftest import Project

FIRST = "import first; print(first.VERSION)"


def test_set_up_installs_the_lock_and_the_project(project: "Project") -> None:
    run = project.set_up()

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("Setting up .venv with Python 3.1")
    assert "The environment is ready" in run.stdout
    assert project.python(FIRST) == "1.0"
    assert project.python("from importlib.metadata import version; print(version('small'))") == "0"


def test_set_up_of_what_is_there_asks_pip_for_nothing(ready_project: "Project") -> None:
    ready_project.lock("same", again="1.0")
    assert ready_project.set_up("same").returncode == 0
    log = ready_project.log()

    run = ready_project.set_up("same")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert ready_project.log() == log


def test_set_up_of_a_smaller_lock_after_a_larger_one_installs_nothing(
    ready_project: "Project",
) -> None:
    ready_project.lock("larger", one="1.0", two="2.0")
    ready_project.lock("smaller", one="1.0")
    assert ready_project.set_up("larger").returncode == 0
    log = ready_project.log()

    assert ready_project.set_up("smaller").stdout == ""
    assert ready_project.log() == log
    assert ready_project.python("import two; print(two.VERSION)") == "2.0"


def test_set_up_after_the_lock_changed_brings_the_new_version(ready_project: "Project") -> None:
    ready_project.lock("newer", three="1.0", four="2.0")
    assert ready_project.set_up("newer").returncode == 0
    ready_project.lock("newer", three="1.1", four="2.0")

    run = ready_project.set_up("newer")
    assert run.returncode == 0, run.stderr
    versions = ready_project.python("import three, four; print(three.VERSION, four.VERSION)")
    assert versions == "1.1 2.0"


def test_set_up_beside_another_one_waits_for_it(ready_project: "Project") -> None:
    handle = os.open(ready_project.folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with subprocess.Popen(
        ready_project.command("lab"),
        stdout=subprocess.PIPE,
        text=True,
        env=ready_project.environment(),
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert process.poll() is None
        os.close(handle)  # the other one is done

    assert first == "Another set-up is at work in this folder: waiting for it.\n"
    assert process.returncode == 0


def test_lab_without_make_sets_up_and_starts_jupyterlab_with_the_arguments(
    project: "Project", root: Path
) -> None:
    project.lock("lab", first="1.0", jupyterlab="4.0")
    # Stands for the installed project.
    course = project.folder / "src" / "detectlab" / "course"
    course.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / "src" / "detectlab" / "course" / "lab_copies.py", course)
    for folder in ("notebooks", "client", "images"):
        (project.folder / folder).mkdir(exist_ok=True)

    run = subprocess.run(
        [sys.executable, project.folder / "tools" / "lab.py", "--port=8899"],
        capture_output=True,
        text=True,
        check=False,
        env={**project.environment(), "PYTHONPATH": str(project.folder / "src")},
    )

    assert run.returncode == 0, run.stderr
    assert "The environment is ready" in run.stdout
    assert project.python(FIRST) == "1.0"
    assert f"'--ServerApp.root_dir={project.folder}'" in run.stdout
    assert "'--port=8899'" in run.stdout


def test_help_of_lab_without_make_sets_nothing_up(project: "Project") -> None:
    run = subprocess.run(
        [sys.executable, project.folder / "tools" / "lab.py", "--help"],
        capture_output=True,
        text=True,
        check=False,
        env=project.environment(),
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert r"py -3.12 tools\lab.py on Windows" in run.stdout
    assert not (project.folder / ".venv").exists()


def test_lab_without_make_ends_where_the_set_up_fails(project: "Project") -> None:
    project.lock("lab", first="1.0")
    (project.wheels / "first-1.0-py3-none-any.whl").unlink()

    run = subprocess.run(
        [sys.executable, project.folder / "tools" / "lab.py"],
        capture_output=True,
        text=True,
        check=False,
        env=project.environment(),
    )

    assert run.returncode == 1
    assert "there is no first==1.0 for this machine" in run.stderr
    assert "Starting JupyterLab" not in run.stdout


def test_set_up_in_an_environment_made_by_hand_keeps_it(ready_project: "Project") -> None:
    environment = ready_project.folder / ".venv"
    (environment / "setup.json").unlink()
    (environment / "by-hand").touch()

    run = ready_project.set_up()
    assert run.returncode == 0, run.stderr
    assert (environment / "by-hand").exists()
    assert ready_project.python(FIRST) == "1.0"
    assert ready_project.set_up().stdout == ""


def test_set_up_in_a_moved_folder_makes_commands_that_work_there(
    ready_project: "Project",
) -> None:
    old = ready_project.folder
    ready_project.folder = old.rename(old.with_name(f"moved {old.name}"))

    run = ready_project.set_up()
    assert run.returncode == 0, run.stderr
    binaries = ready_project.folder / ".venv" / "bin"
    printed = subprocess.run([binaries / "first"], capture_output=True, text=True, check=True)
    assert printed.stdout == "1.0\n"
    assert f"{old}/" not in (binaries / "activate").read_text("utf-8")


def test_set_up_killed_while_it_changed_the_environment_starts_afresh(
    ready_project: "Project",
) -> None:
    environment = ready_project.folder / ".venv"
    (environment / "half-written").touch()
    stamp = json.loads((environment / "setup.json").read_text("utf-8"))
    (environment / "setup.json").write_text(json.dumps({**stamp, "ready": False}), "utf-8")

    run = ready_project.set_up()
    assert run.returncode == 0, run.stderr
    assert not (environment / "half-written").exists()
    assert ready_project.python(FIRST) == "1.0"


def test_set_up_interrupted_is_finished_by_the_next(project: "Project", silent_server: str) -> None:
    process = subprocess.Popen(
        project.command("lab"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=project.environment(PIP_INDEX_URL=silent_server),
        start_new_session=True,
    )
    wait_until((project.folder / ".venv" / "tmp").exists)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does on Ctrl-C
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "\nStopped. Run the same command again to finish the set-up.\n"

    assert project.set_up().returncode == 0
    assert project.python(FIRST) == "1.0"
