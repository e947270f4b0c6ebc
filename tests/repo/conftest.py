"""A checkout to look at, and a small project of its own on which set-up runs for real."""

import base64
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
DEADLINE_S = 120

# How the small project is built: without setuptools, which pip would have to fetch.
BACKEND = """
import zipfile

def get_requires_for_build_editable(config_settings=None):
    return []

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "small-0-py3-none-any.whl"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        about = "small-0.dist-info"
        wheel.writestr("small.pth", "src\\n")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\\nName: small\\nVersion: 0\\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n"
                       "Tag: py3-none-any\\n")
        wheel.writestr(f"{about}/RECORD", "")
    return name
"""

# The module of a package in the small project: it prints its arguments with `python -m`.
MODULE = """
import sys

VERSION = {version!r}

def main():
    print(VERSION)

if __name__ == "__main__":
    print(sys.argv[1:])
"""


@dataclass
class Project:
    """A project with our tools, a lock, and the folder of wheels that its pip may use."""

    folder: Path
    wheels: Path

    def lock(self, name: str, **versions: str) -> None:
        lines = [
            make_wheel(self.wheels, package.replace("_", "-"), version)
            for package, version in versions.items()
        ]
        (self.folder / "requirements" / f"{name}.txt").write_text("".join(lines), "utf-8")

    def environment(self, **changes: str) -> dict[str, str]:
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "PIP_RETRIES": "0"}
        ours = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
        # Nor does the set-up of these tests know of the `make` that may have started them.
        others = ("PIP_", "MAKE", "MFLAGS")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        return {**kept, **ours, **(changes or offline)}

    def command(self, name: str) -> list[str]:
        return [sys.executable, str(self.folder / "tools" / "setup_env.py"), name]

    def set_up(self, name: str = "lab", **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(name),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
            env=self.environment(**changes),
        )

    def python(self, code: str) -> str:
        """Run code in the environment and return what it prints."""
        command = [str(self.folder / ".venv" / "bin" / "python"), "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def log(self) -> str:
        return (self.folder / ".venv" / "setup.log").read_text("utf-8")


def make_wheel(folder: Path, package: str, version: str) -> str:
    """Make a wheel with one module and one command, and return its lines for a lock."""
    module = package.replace("-", "_")
    path = folder / f"{module}-{version}-py3-none-any.whl"
    about = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": MODULE.format(version=version),
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": f"[console_scripts]\n{package} = {module}:main\n",
    }
    record = [f"{name},sha256={digest(text.encode())},{len(text)}" for name, text in files.items()]
    files[f"{about}/RECORD"] = "\n".join([*record, f"{about}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name), text)
    whole = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{package}=={version} \\\n    --hash=sha256:{whole}\n"


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A small project, not yet set up."""
    return make_project(tmp_path)


@pytest.fixture(scope="session")
def ready_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A small project that was set up; each test that changes it locks packages of its own."""
    project = make_project(tmp_path_factory.mktemp("ready"))
    run = project.set_up()
    assert run.returncode == 0, run.stderr
    return project


def make_project(place: Path) -> Project:
    """Make a project in a folder whose name has a space and a letter that is not ASCII."""
    folder, wheels = place / "my läb", place / "wheels"
    for part in (wheels, folder / "requirements", folder / "src" / "small"):
        part.mkdir(parents=True)
    shutil.copytree(TOOLS, folder / "tools")
    (folder / "src" / "small" / "__init__.py").write_text("", "utf-8")
    (folder / "backend.py").write_text(BACKEND, "utf-8")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "small"\nversion = "0"\n',
        "utf-8",
    )
    project = Project(folder, wheels)
    project.lock("lab", first="1.0")
    return project


@pytest.fixture(scope="session")
def tracked_files(root: Path) -> list[Path]:
    """Every file that git tracks, or would with the next commit."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in run.stdout.split("\0") if name and (path := root / name).is_file()]


@pytest.fixture(scope="session")
def locks(root: Path) -> dict[str, dict[str, str]]:
    """Name of lock -> name of package (as on PyPI, in lower case) -> one of its versions."""
    return {
        path.stem: {
            re.sub(r"[-_.]+", "-", name).lower(): version
            for name, version in re.findall(r"^(\S+?)==([^\s;]+)", path.read_text("utf-8"), re.M)
        }
        for path in sorted((root / "requirements").glob("*.txt"))
    }


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


@pytest.fixture
def nowhere() -> str:
    """Address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    return f"http://127.0.0.1:{port}/"
