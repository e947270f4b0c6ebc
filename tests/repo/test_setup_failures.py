"""Whatever stops the set-up is said in one sentence that tells what to do."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from repo.conftest import Project


def test_set_up_without_network_says_so_and_where_pip_says_more(
    project: "Project", nowhere: str
) -> None:
    run = project.set_up(PIP_INDEX_URL=nowhere, PIP_RETRIES="1")

    assert run.returncode == 1
    sentence, log = run.stderr.splitlines()
    assert sentence.startswith("Set-up failed: the package server cannot be reached: check the ")
    assert str(project.folder / ".venv" / "setup.log") in log
    assert "127.0.0.1" in project.log()
    assert not (project.folder / ".venv" / "bin").exists()


def test_update_without_network_keeps_what_works(ready_project: "Project", nowhere: str) -> None:
    ready_project.lock("old", five="1.0")
    assert ready_project.set_up("old").returncode == 0
    ready_project.lock("new", five="1.1")

    run = ready_project.set_up("new", PIP_INDEX_URL=nowhere, PIP_RETRIES="1")
    assert run.returncode == 1
    assert "the package server cannot be reached" in run.stderr
    assert ready_project.python("import five; print(five.VERSION)") == "1.0"
    assert ready_project.set_up("old").stdout == ""


def test_set_up_with_a_package_that_is_not_the_locked_one_refuses_it(
    ready_project: "Project",
) -> None:
    ready_project.lock("other", six="1.0")
    lock = ready_project.folder / "requirements" / "other.txt"
    lock.write_text(re.sub("sha256:....", "sha256:0000", lock.read_text("utf-8")), "utf-8")

    run = ready_project.set_up("other")
    assert run.returncode == 1
    assert "is not the one that the lock names, so it was refused" in run.stderr


def test_set_up_with_a_package_that_nobody_has_names_it(ready_project: "Project") -> None:
    ready_project.lock("gone", seven="1.0")
    (ready_project.wheels / "seven-1.0-py3-none-any.whl").unlink()

    run = ready_project.set_up("gone")
    assert run.returncode == 1
    assert "there is no seven==1.0 for this machine and this version of Python." in run.stderr


def test_set_up_where_opencv_misses_libraries_names_their_packages(
    ready_project: "Project",
) -> None:
    ready_project.lock("graphics", opencv_python="4.14.0")
    site = Path(ready_project.python("import sysconfig; print(sysconfig.get_path('purelib'))"))
    broken = site / "cv2.py"
    broken.write_text("raise ImportError('libGL.so.1: cannot open shared object file')", "utf-8")

    run = ready_project.set_up("graphics")
    assert run.returncode == 1
    assert "sudo apt install libgl1 libglib2.0-0) and run this again. It says:" in run.stderr
    assert "libGL.so.1: cannot open shared object file" in run.stderr

    broken.write_text("", "utf-8")
    assert ready_project.set_up("graphics").returncode == 0


def test_set_up_with_a_python_that_makes_no_environments_names_the_package(
    project: "Project", tmp_path: Path
) -> None:
    # As on Debian without python3-venv: the module is not there.
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n", "utf-8")

    run = project.set_up(PYTHONPATH=str(site))
    assert run.returncode == 1
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"sudo apt install python{version}-venv) and run this again." in run.stderr


@pytest.fixture
def on_disk(project: "Project") -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Sets up on a disk of its own, mounted for that one command and gone with it."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare to mount a disk")
    tried = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", str(project.folder)]
    if subprocess.run(tried, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a disk")

    def set_up(options: str) -> subprocess.CompletedProcess[str]:
        copy = project.wheels.with_name("copy")
        shutil.copytree(project.folder, copy)
        mount = 'mount -t tmpfs -o "$1" tmpfs "$2" && cp -r "$3"/. "$2" && eval "$4"; shift 4; "$@"'
        then = 'mount -o remount,ro "$2"' if options == "ro" else ":"
        options = "size=100m" if options == "ro" else options
        shell = ["unshare", "--mount", "sh", "-c", mount]
        return subprocess.run(
            [*shell, "sh", options, project.folder, copy, then, *project.command("lab")],
            capture_output=True,
            text=True,
            check=False,
            env=project.environment(),
        )

    return set_up


def test_set_up_on_a_small_disk_says_how_much_is_needed(
    on_disk: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    run = on_disk("size=20m")

    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "the disk is too full: " in run.stderr
    assert "4.0 GB, and 0.0 GB are free" in run.stderr


def test_set_up_on_a_disk_without_one_free_byte_says_that_it_is_full(
    project: "Project", on_disk: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    # Room for the project's own files and the folder that they lie in, and for nothing more.
    run = on_disk(f"nr_inodes={len(list(project.folder.rglob('*'))) + 2}")

    assert run.returncode == 1
    assert run.stderr == "Set-up failed: the disk is full: make room and run this again.\n"


def test_set_up_in_a_folder_of_somebody_else_says_where_to_go(
    on_disk: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    run = on_disk("ro")

    assert run.returncode == 1
    assert "cannot be written to: clone the project into a folder of your own." in run.stderr
