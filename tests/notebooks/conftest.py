"""The notebooks, and runs of them as on a fresh copy of the lab."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def _load(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def runner() -> ModuleType:
    """The tool that runs and saves the notebooks."""
    return _load(ROOT / "tools/run_notebooks.py")


@pytest.fixture(scope="session")
def comparing() -> ModuleType:
    """The comparison that nbval is given."""
    return _load(HERE / "comparing.py")


@pytest.fixture
def fresh_copy(runner: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings as on a fresh copy of the lab, without internet; a free port for servers."""
    # Streamlit, which other tests of this process import, sets it: plots would not be shown.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    with runner.fresh_copy_settings():
        yield


@pytest.fixture
def nbval(fresh_copy: None, runner: ModuleType) -> Callable[[Path], subprocess.CompletedProcess]:
    """Runs a notebook again and compares its outputs; the client's one gets a server."""

    def run(path: Path, cell_timeout_s: int = 120) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "--timeout=0"]
        options = ["--nbval", "--nbval-current-env", f"--nbval-cell-timeout={cell_timeout_s}"]
        plugins = ["-p", "comparing", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
        search = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
        with runner.server_for(path):
            return subprocess.run(
                [*command, *options, *plugins, str(path)],
                capture_output=True,
                text=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": search},
            )

    return run
