"""detectlab with OpenCV 5, which reads no Darknet files; `run.sh` makes an environment for it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from testing import pixels_of

from detectlab import detect_common_objects, draw_bbox, load_detector

pytestmark = pytest.mark.skipif(
    hasattr(cv2.dnn, "readNetFromDarknet"), reason="needs OpenCV 5: `make test-opencv5`"
)


def test_default_engine_finds_the_apple(root: Path) -> None:
    image = pixels_of(root / "images" / "apple.jpg")
    assert detect_common_objects(image, model="nano")[1] == ["apple"]
    assert draw_bbox(image, load_detector("nano").detect(image)).shape == image.shape


def test_opencv_as_the_engine_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"OpenCV 5.*Choose the engine openvino"):
        load_detector("nano", "opencv")
    assert np.isfinite(load_detector("nano").detect(np.zeros((9, 9, 3), np.uint8)).xyxy).all()
