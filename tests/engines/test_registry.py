"""The registry of engines: one that is added from outside works everywhere by its name."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from detectlab import load_detector
from detectlab.cli.doctor import CHECKS, examine
from detectlab.cli.main import app
from detectlab.engines import Network, Outputs, registry
from detectlab.settings import Settings


class ToyEngine:
    """Finds one object of class 0 in the middle of every picture."""

    name = "toy"
    precision = "float32"

    def __init__(self, network: Network, **options: object) -> None:
        self.input_size_wh = network.input_size_wh

    @staticmethod
    def precisions() -> tuple[str, ...]:
        return ("float32",)

    def run(self, picture: np.ndarray) -> Outputs:
        rows = np.zeros((1, 5 + 2), np.float32)
        rows[0, :6] = 0.5, 0.5, 0.5, 0.5, 0.9, 0.9
        return {"rows": rows}


ENTRY = registry.EngineEntry(
    name="toy",
    title="Toy runtime",
    factory=f"{__name__}:ToyEngine",
    packages=("json",),
    distributions=("numpy",),
    install="pip install toy",
)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The toy engine, registered for one test."""
    monkeypatch.setattr(importlib.import_module(__name__), "ToyEngine", ToyEngine)
    registry.register(ENTRY)
    yield ENTRY.name
    registry.unregister(ENTRY.name)


def test_engine_from_outside_runs_detectors_by_its_name(
    toy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTLAB_ENGINE", toy)

    detector = load_detector("nano")

    assert "toy" in repr(detector)
    (found,) = detector.detect(np.zeros((100, 200, 3), np.uint8))
    assert found[0] == [50, 25, 150, 75]


def test_engine_from_outside_is_known_to_the_command_line_and_the_doctor(
    toy: str, root: Path
) -> None:
    picture = root / "images" / "apple.jpg"

    run = CliRunner().invoke(app, ["detect", str(picture), "--json", "--engine", toy])

    assert run.exit_code == 0, run.output
    assert '"confidence": 0.9' in run.output
    text = f"Engine toy: Toy runtime {np.__version__}"
    assert text in [finding.text for finding in examine(CHECKS)]


def test_auto_prefers_the_engines_of_the_package(toy: str) -> None:
    assert registry.names()[-1] == toy
    assert registry.choose("auto") != toy


@pytest.mark.parametrize("name", ["auto", "opencv"])
def test_engine_whose_name_is_taken_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"an engine named '{name}' is registered already"):
        registry.register(registry.EngineEntry(name, "", "", (), (), ""))


def test_settings_with_an_unknown_engine_name_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"must be one of auto, openvino, opencv\. Rec.*'abacus'"):
        Settings(engine="abacus")
