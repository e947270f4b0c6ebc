"""Calibrating for int8: kept beside the weights where it loses little, and found by its digest."""

import io
import logging
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from testing import pixels_of
from typer.testing import CliRunner

from detectlab import create_app, load_detector
from detectlab.cli.main import app
from detectlab.detection.calibrations import (
    Measured,
    calibration_name,
    find_calibration,
)
from detectlab.detection.networks import network_of
from detectlab.engines import open_engine
from detectlab.engines.openvino_int8 import check_installed
from detectlab.engines.processor import has_fast_int8
from detectlab.models.files import locate
from detectlab.models.registry import get_card
from detectlab.quantize import quantize_detector, split_pictures
from detectlab.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (find_spec("nncf") and find_spec("openvino")),
        reason='needs pip install "detectlab[quantize]"',
    ),
]
needs_fast_int8 = pytest.mark.skipif(not has_fast_int8(), reason="int8 is no faster here")
NANO = get_card("nano")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"), engine="openvino", precision="fast")


@pytest.fixture(scope="module")
def pictures(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample pictures and their labels, in a folder of their own."""
    folder = tmp_path_factory.mktemp("pictures")
    for file in [*(root / "images").glob("*.jpg"), *(root / "images" / "labels").iterdir()]:
        shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="module")
def calibrated(settings: Settings, pictures: Path) -> tuple[Path, Measured]:
    """What calibrating nano on them gives; 1 of 4 pictures may lose an object."""
    calibrating, measuring = split_pictures(sorted(pictures.glob("*.jpg")))
    return quantize_detector(
        "nano",
        calibrating=calibrating,
        measuring=measuring,
        max_loss=0.3,
        settings=settings,
        progress=False,
    )


def test_calibration_lies_beside_the_weights_under_their_digest(
    calibrated: tuple[Path, Measured], settings: Settings
) -> None:
    file, _ = calibrated
    files = locate(NANO, settings)

    name = calibration_name(NANO, files, NANO.input_size_wh)
    assert file == settings.home / "weights" / name
    assert find_calibration(NANO, settings) == file
    assert find_calibration(NANO, settings, (416, 416)) is None
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_measured_on_pictures_that_it_was_not_calibrated_on(
    calibrated: tuple[Path, Measured],
) -> None:
    _, measured = calibrated

    assert (measured.calibrated_on, measured.pictures) == (7, 4)
    assert measured.objects > 0
    assert measured.kept > 0.7
    assert measured.ap50 is not None
    assert min(measured.ap50) > 0.5
    assert min(measured.ms) > 0
    assert "AP50" in str(measured)
    assert "in float32" in str(measured)


@needs_fast_int8
def test_fast_computes_in_int8_and_finds_the_same_objects(
    calibrated: tuple[Path, Measured], settings: Settings, root: Path
) -> None:
    exact = load_detector("nano", settings=settings, precision="float32")
    fast = load_detector("nano", settings=settings)

    assert (exact.precision, fast.precision) == ("float32", "int8")
    pixels = pixels_of(root / "images" / "apples.jpg")
    assert fast.detect(pixels).labels == exact.detect(pixels).labels != []


def test_changed_weights_have_another_digest(settings: Settings, tmp_path: Path) -> None:
    files = locate(NANO, settings)
    changed = tmp_path / "nano.weights"
    content = bytearray(files.weights.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)

    one, other = (
        calibration_name(NANO, now, NANO.input_size_wh)
        for now in (files, files._replace(weights=changed))
    )
    assert one != other


def test_network_without_calibration_refuses_int8(settings: Settings) -> None:
    with pytest.raises(ValueError, match=r"`precision` must be one of fast, .* Received: 'int8'"):
        open_engine(network_of(NANO, settings), "openvino", precision="int8")


@needs_fast_int8
def test_damaged_calibration_says_what_to_do(
    calibrated: tuple[Path, Measured], settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / calibrated[0].name
    file.write_bytes(calibrated[0].read_bytes()[:5000])
    network = replace(network_of(NANO, settings), calibration=file)

    with pytest.raises(ValueError, match=r"is damaged. Delete it, and calibrate again"):
        open_engine(network, "openvino", precision="int8")


@needs_fast_int8
def test_server_says_what_it_computes_in_and_what_was_measured(
    calibrated: tuple[Path, Measured], settings: Settings, root: Path
) -> None:
    picture = (root / "images" / "apple.jpg").read_bytes()
    chosen = settings.model_copy(update={"model": "nano"})
    with TestClient(create_app(settings=chosen)) as client:
        answer = client.post("/predict", files={"file": picture})
        described = client.get("/describe").json()
        card = client.get("/models/nano").json()

    assert answer.headers["X-Precision"] == "int8"
    assert "precision fast (int8 for nano)" in described
    assert card["precision"] == "int8"
    assert card["int8"]["pictures"] == 4
    assert card["int8"]["kept"] == calibrated[1].kept


def test_models_and_doctor_show_what_was_measured(
    calibrated: tuple[Path, Measured], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTLAB_HOME", str(settings.home))
    monkeypatch.setenv("DETECTLAB_MODEL", "nano")

    listed, examined = (CliRunner().invoke(app, [name]).output for name in ("models", "doctor"))

    assert f"in int8 it {calibrated[1]}" in listed
    assert f"In int8, nano {calibrated[1]}" in examined


def test_larger_loss_is_refused_and_stores_nothing(
    settings: Settings, pictures: Path, tmp_path: Path
) -> None:
    black = tmp_path / "black.png"
    cv2.imwrite(str(black), np.zeros((320, 320, 3), np.uint8))
    target = tmp_path / "target"

    with pytest.raises(ValueError, match=r"nano in int8 loses .*%, more than 1.0%"):
        quantize_detector(
            "nano",
            calibrating=[black] * 4,
            measuring=sorted(pictures.glob("*.jpg")),
            folder=target,
            settings=settings,
            progress=False,
        )
    assert not target.exists()


def test_layers_in_float_make_another_network(settings: Settings) -> None:
    from detectlab.engines.openvino_int8 import calibrate

    network = network_of(NANO, settings)
    blank = [np.full((320, 320, 3), 127, np.uint8)] * 2

    graphs = [calibrate(network, blank, lambda x: x, in_float=count)[0] for count in (0, 2)]

    quantizers = [graph.count(b'type="FakeQuantize"') for graph in graphs]
    assert quantizers[0] > quantizers[1] > 10


def test_few_pictures_are_refused(pictures: Path) -> None:
    with pytest.raises(ValueError, match=r"at least 6 pictures, .* Received: 5"):
        split_pictures(sorted(pictures.glob("*.jpg"))[:5])


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_interrupted_command_leaves_nothing(pictures: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "detectlab", "models", "quantize", "nano"]
    process = subprocess.Popen(
        [*command, "--pictures", str(pictures)],
        env={"PATH": "", "HOME": str(tmp_path), "DETECTLAB_HOME": str(tmp_path / "home")},
        stderr=subprocess.PIPE,
    )
    assert isinstance(process.stderr, io.BufferedReader)
    with process:
        while b"%" not in process.stderr.read1():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()

    assert process.returncode != 0
    assert b"Traceback" not in rest
    assert list((tmp_path / "home").rglob("*.int8*")) == []


def test_handlers_of_others_keep_their_level() -> None:
    logger, handler = logging.getLogger("nncf"), logging.NullHandler(logging.INFO)
    logger.addHandler(handler)
    try:
        check_installed()
        assert handler.level == logging.INFO
        assert not logger.isEnabledFor(logging.WARNING)
    finally:
        logger.removeHandler(handler)
