"""Real files of other people are recognised, and decoded as their references decode them."""

from pathlib import Path

import import_accuracy
import pytest

from detectlab.engines import available
from detectlab.model_import.add import add
from detectlab.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.shared]

DECODERS = {
    "yolox_nano": "yolox",
    "light_person": "yolox",
    "deimv2_atto": "detr",
    "nanodet_m_416": "nanodet",
    "fastestdet": "fastestdet",
    "ultraface_rfb320": "ssd",
    "yunet_n_320": "yunet",
    "picodet_cdla": "picodet",
}


@pytest.mark.parametrize("name", DECODERS)
def test_real_file_is_recognised_without_an_option_and_finds_what_its_reference_finds(
    name: str, shared_weights: Path, shared_photos: Path
) -> None:
    engine = "openvino" if name == "deimv2_atto" else available()[0]
    if engine not in available():
        pytest.skip("OpenCV does not run it")
    photos = sorted((shared_photos / "coco").glob("*.jpg"))[:12]
    file = shared_weights / "onnx" / f"{name}.onnx"
    row = import_accuracy.measure(file, photos, engine, ap50=False)
    assert row["decoder"] == DECODERS[name]
    # Resizing differs by a hair, which a small box feels; `benchmarks/import_accuracy.py` has AP50.
    least = 0.8 if name in import_accuracy.REFERENCE_AP50 else 1.0
    assert row["same_boxes"] >= least * row["boxes"] > 0


@pytest.mark.skipif("openvino" not in available(), reason="needs OpenVINO")
def test_file_that_one_engine_cannot_run_names_the_other(
    shared_weights: Path, home: Settings, tmp_path: Path
) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(f"class {n}" for n in range(80)))
    file = shared_weights / "onnx" / "deimv2_atto.onnx"
    settings = home.model_copy(update={"engine": "opencv"})
    with pytest.raises(ValueError, match="opencv does not run this file, and openvino does: set"):
        add("real", [file], tmp_path / "labels.txt", settings=settings)
