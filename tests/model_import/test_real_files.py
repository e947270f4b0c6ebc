"""Real files of other people are recognised, and decoded as their references decode them."""

from pathlib import Path

import pytest

from detectlab import load_detector
from detectlab.engines import available
from detectlab.model_import.add import add
from detectlab.settings import Settings
from detectlab.vision.images import read_image

pytestmark = [pytest.mark.slow, pytest.mark.shared]

# File, its decoder, its class names (none: they are in the file), and the engines that load it.
FILES = {
    "yolox_nano": ("yolox", 80, ("openvino", "opencv")),
    "light_person": ("yolox", 1, ("openvino", "opencv")),
    "deimv2_atto": ("detr", 80, ("openvino",)),
    "nanodet_m_416": ("nanodet", 80, ("openvino", "opencv")),
    "fastestdet": ("fastestdet", 80, ("openvino", "opencv")),
    "ultraface_rfb320": ("ssd", 1, ("openvino", "opencv")),
    "yunet_n_320": ("yunet", 1, ("openvino", "opencv")),
}


@pytest.mark.parametrize("name", FILES)
def test_real_file_is_recognised_without_an_option(
    name: str, shared_weights: Path, shared_photos: Path, home: Settings, tmp_path: Path
) -> None:
    decoder, classes, engines = FILES[name]
    engine = next(engine for engine in available() if engine in engines)
    settings = home.model_copy(update={"engine": engine})
    names = (shared_photos / "classes.txt").read_text().splitlines()[:classes]
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(names))
    card = add("real", [shared_weights / "onnx" / f"{name}.onnx"], labels, settings=settings)
    assert card.decoder == decoder
    detector = load_detector("real", settings=settings)
    photos = sorted((shared_photos / "coco").glob("*.jpg"))[:12]
    assert sum(len(detector.detect(read_image(photo), 0.3)) for photo in photos) > 0


@pytest.mark.skipif("openvino" not in available(), reason="needs OpenVINO")
def test_file_that_one_engine_cannot_run_names_the_other(
    shared_weights: Path, home: Settings, tmp_path: Path
) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(f"class {n}" for n in range(80)))
    file = shared_weights / "onnx" / "deimv2_atto.onnx"
    settings = home.model_copy(update={"engine": "opencv"})
    with pytest.raises(ValueError, match="opencv does not run this file, and openvino does: set"):
        add("real", [file], tmp_path / "labels.txt", settings=settings)
