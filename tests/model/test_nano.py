"""The embedded detector on our own pictures: what it finds, and that it keeps finding it.

After a new training, `detectlab detect --json images > tests/model/nano.json` stores its answers;
look at the pictures first.
"""

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from testing import pixels_of

from detectlab import Detections, load_detector
from detectlab.detection.calibrations import measured_of
from detectlab.detection.detector import NetworkDetector
from detectlab.models.registry import get_card
from detectlab.settings import Settings
from detectlab.vision.boxes import box_iou
from detectlab.vision.images import read_image

STORED = json.loads((Path(__file__).parent / "nano.json").read_text())
SIMPLE = {
    "apple.jpg": {"apple": 1},
    "clock.jpg": {"clock": 1},
    "clock2.jpg": {"clock": 1},
    "clock3.jpg": {"clock": 1},
    "car.jpg": {"car": 1},
    "car2.jpg": {"car": 1},
}
ONE_KIND = {"apples.jpg": "apple", "oranges.jpg": "orange"}


@pytest.fixture(scope="module")
def nano() -> NetworkDetector:
    return load_detector("nano")


@pytest.fixture
def picture(root: Path, request: pytest.FixtureRequest) -> np.ndarray:
    return read_image(root / "images" / request.param)


def assert_still_found(found: Detections, expected: Detections, iou: float = 0.8) -> None:
    """Every expected object is there, of the same class, in the same place; no other is clear.

    A change of the picture may cost confidence: so `found` is at 0.3, and only what is above 0.6
    counts as clear.
    """
    overlap = box_iou(expected.xyxy, found.xyxy)
    same = np.array([[a == b for b in found.labels] for a in expected.labels])
    assert ((overlap * same).max(axis=1) >= iou).all()
    assert len(found.above(0.6)) <= len(expected)


@pytest.mark.parametrize("answer", STORED, ids=lambda answer: Path(answer["file"]).name)
def test_nano_on_each_picture_finds_what_it_found_before(
    nano: NetworkDetector, root: Path, answer: dict
) -> None:
    found = nano.detect(read_image(root / answer["file"]))
    stored = answer["detections"]
    assert Counter(found.labels) == Counter(item["class_name"] for item in stored)
    if stored:
        boxes = [[item[k] for k in ("x_min", "y_min", "x_max", "y_max")] for item in stored]
        overlap = box_iou(np.array(boxes), found.xyxy)
        assert (overlap.max(axis=1) >= 0.8).all()


def test_stored_answers_cover_all_pictures(root: Path) -> None:
    assert {Path(answer["file"]).name for answer in STORED} == {
        file.name for file in (root / "images").glob("*.jpg")
    }


@pytest.mark.parametrize(("picture", "objects"), SIMPLE.items(), ids=SIMPLE, indirect=["picture"])
def test_nano_on_a_simple_picture_finds_just_its_object(
    nano: NetworkDetector, picture: np.ndarray, objects: dict[str, int]
) -> None:
    assert Counter(nano.detect(picture).labels) == objects


@pytest.mark.parametrize(("picture", "kind"), ONE_KIND.items(), ids=ONE_KIND, indirect=["picture"])
def test_nano_on_several_of_one_kind_finds_no_other_kind(
    nano: NetworkDetector, picture: np.ndarray, kind: str
) -> None:
    assert set(nano.detect(picture).labels) == {kind}
    assert nano.detect(picture).count(kind) >= 2


@pytest.mark.parametrize("picture", ["fruits.jpg"], indirect=True)
def test_nano_on_many_fruits_at_a_lower_confidence_finds_most(
    nano: NetworkDetector, picture: np.ndarray
) -> None:
    visible = 14
    assert 1 <= len(nano.detect(picture, 0.5)) <= visible / 2
    assert len(nano.detect(picture, 0.2)) > visible / 2


@pytest.mark.parametrize("picture", ["none.jpg"], indirect=True)
def test_nano_without_any_of_its_objects_finds_nothing(
    nano: NetworkDetector, picture: np.ndarray
) -> None:
    assert len(nano.detect(picture)) == 0


@pytest.mark.parametrize("level", [0, 127, 255])
def test_nano_on_an_empty_picture_finds_nothing(nano: NetworkDetector, level: int) -> None:
    assert len(nano.detect(np.full((300, 400, 3), level, np.uint8))) == 0


@pytest.mark.parametrize("picture", SIMPLE, indirect=True)
def test_nano_on_a_mirror_image_finds_the_mirrored_object(
    nano: NetworkDetector, picture: np.ndarray
) -> None:
    expected = nano.detect(picture)
    found = nano.detect(np.ascontiguousarray(picture[:, ::-1]), 0.3)
    width = picture.shape[1]
    mirrored = found.xyxy.copy()
    mirrored[:, [0, 2]] = width - found.xyxy[:, [2, 0]]
    back = Detections(mirrored, found.confidence, found.class_id, found.names)
    assert_still_found(back, expected, iou=0.7)


@pytest.mark.parametrize("quality", [90, 60, 40])
@pytest.mark.parametrize("picture", SIMPLE, indirect=True)
def test_nano_on_a_compressed_picture_finds_the_same(
    nano: NetworkDetector, picture: np.ndarray, quality: int
) -> None:
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    found = nano.detect(pixels_of(coded.tobytes()), 0.3)
    assert_still_found(found, nano.detect(picture))


@pytest.mark.parametrize("factor", [0.5, 2.0])
@pytest.mark.parametrize("picture", SIMPLE, indirect=True)
def test_nano_on_a_picture_of_another_size_scales_its_boxes(
    nano: NetworkDetector, picture: np.ndarray, factor: float
) -> None:
    resized = np.asarray(cv2.resize(picture, None, fx=factor, fy=factor), np.uint8)
    found = nano.detect(resized, 0.3)
    back = Detections(found.xyxy / factor, found.confidence, found.class_id, found.names)
    assert_still_found(back, nano.detect(picture))


def test_ships_calibrated_with_these_weights(tmp_path: Path) -> None:
    measured = measured_of(get_card("nano"), Settings(home=tmp_path, offline=True))

    assert measured is not None, "new weights need `python -m training.quantize`"
    assert measured.loss <= 0.01
    assert measured.objects >= 50
