"""Whether engines and precisions agree on photographs, as `benchmarks/accuracy.py` measures it."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from detectlab import engines


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif("openvino" not in engines.available(), reason="needs OpenVINO")
@pytest.mark.skipif(not hasattr(cv2.dnn, "readNetFromDarknet"), reason="compares with OpenCV 4")
@pytest.mark.parametrize("model", ["nano", "yolo-fastest", "yolo-fastest-xl"])
def test_engines_and_precisions_find_the_same_in_200_photographs(
    model: str, root: Path, shared_photos: Path, shared_weights: Path, tmp_path: Path
) -> None:
    settings = {"DETECTLAB_MIRROR": str(shared_weights), "DETECTLAB_HOME": str(tmp_path)}
    folders = [str(shared_photos / name) for name in ("fruit", "coco")]
    run = subprocess.run(
        [sys.executable, root / "benchmarks" / "accuracy.py", *folders, "--model", model],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **settings},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert '"photographs": 200' in run.stdout
