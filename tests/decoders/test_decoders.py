"""The decoders of YOLO networks on arrays, and a decoder of another package."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detectlab.decoders.base import MAX_OBJECTS, Boxes, Decoder, Outputs, corners, with_best_class
from detectlab.decoders.registry import get_decoder, register, unregister
from detectlab.detection.detector import NetworkDetector
from detectlab.vision.fitting import Fitting
from detectlab.vision.letterbox import Letterbox

SIZE_WH = (640, 640)
AS_IT_IS = Letterbox.of(SIZE_WH, SIZE_WH)


def output_of(layout: str, boxes, scores, objectness: float = 1.0) -> NDArray[np.float32]:
    """An output with these `(x, y, width, height)` and scores of each class."""
    rows = np.asarray(boxes, np.float32).reshape(-1, 4)
    scores = np.asarray(scores, np.float32)
    if layout == "yolov8":
        return np.hstack([rows, scores]).T[None]
    return np.hstack([rows, np.full((len(rows), 1), objectness, np.float32), scores])[None]


def decode(
    layout: str, output: NDArray[np.float32], confidence: float = 0.5, nms_threshold: float = 0.3
) -> Boxes:
    return get_decoder(layout).decode(
        {"output0": output}, AS_IT_IS, confidence=confidence, nms_threshold=nms_threshold
    )


@pytest.mark.parametrize("layout", ["yolov5", "yolov8"])
def test_decode_gives_corners_class_and_score_most_confident_first(layout: str) -> None:
    output = output_of(layout, [[50, 40, 20, 10], [150, 140, 40, 60]], [[0.6, 0.1], [0.2, 0.9]])
    found = decode(layout, output)
    assert found.xyxy.tolist() == [[130, 110, 170, 170], [40, 35, 60, 45]]
    assert found.confidence.tolist() == pytest.approx([0.9, 0.6])
    assert found.class_id.tolist() == [1, 0]


def test_decode_of_yolov5_multiplies_with_the_objectness() -> None:
    output = output_of("yolov5", [[50, 40, 20, 10]], [[0.9, 0.1]], objectness=0.5)
    assert decode("yolov5", output, 0.4).confidence.tolist() == pytest.approx([0.45])
    assert len(decode("yolov5", output, 0.45).xyxy) == 0


@pytest.mark.parametrize("layout", ["yolov5", "yolov8"])
def test_decode_suppresses_within_a_class_only(layout: str) -> None:
    boxes = [[50, 50, 20, 20], [51, 50, 20, 20], [50, 51, 20, 20]]
    found = decode(layout, output_of(layout, boxes, [[0.9, 0], [0.8, 0], [0, 0.7]]))
    assert list(zip(found.class_id.tolist(), found.confidence.round(1).tolist(), strict=True)) == [
        (0, pytest.approx(0.9)),
        (1, pytest.approx(0.7)),
    ]


@pytest.mark.parametrize("layout", ["yolov5", "yolov8"])
def test_decode_keeps_boxes_of_one_class_that_overlap_less_than_the_threshold(layout: str) -> None:
    # Two squares of 20 that share half: IoU 1/3.
    output = output_of(layout, [[50, 50, 20, 20], [60, 50, 20, 20]], [[0.9], [0.8]])
    assert len(decode(layout, output, 0.5, 0.34).xyxy) == 2
    assert len(decode(layout, output, 0.5, 0.33).xyxy) == 1


@pytest.mark.parametrize("layout", ["yolov5", "yolov8"])
@pytest.mark.parametrize("count", [0, 1, 2 * MAX_OBJECTS])
def test_decode_gives_at_most_300(layout: str, count: int) -> None:
    boxes = [[100 * n, 50, 20, 20] for n in range(count)]
    output = output_of(layout, boxes, np.full((count, 2), 0.9))
    assert len(decode(layout, output).xyxy) == min(count, MAX_OBJECTS)


@pytest.mark.parametrize("layout", ["yolov5", "yolov8"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_decode_of_numbers_that_are_not_finite_finds_no_object_there(
    layout: str, value: float
) -> None:
    boxes = [[50, 40, value, 10], [value, 40, 20, 10], [150, 140, 40, 60], [9, 9, 2, 2]]
    output = output_of(layout, boxes, [[0.6], [0.7], [0.8], [np.nan]])
    assert decode(layout, output).xyxy.tolist() == [[130, 110, 170, 170]]


def test_decode_counts_scores_a_hair_above_one_as_one() -> None:
    output = output_of("yolov8", [[50, 40, 20, 10]], [[1.0000001]])
    assert decode("yolov8", output).confidence.tolist() == [1.0]


@pytest.mark.parametrize(
    ("decoder", "shapes", "classes"),
    [
        pytest.param("yolov5", [(1, 25200, 85)], 80, id="YOLOv5"),
        pytest.param("yolov5", [(1, 10, 6), (1, 3, 8, 8, 6)], 1, id="YOLOv5 with raw maps"),
        pytest.param("yolov8", [(1, 84, 8400)], 80, id="YOLOv8"),
        pytest.param("yolov8", [(1, 5, 8400)], 1, id="one class"),
        pytest.param("yolov5", [(1, 25200, 5)], None, id="no class"),
        pytest.param("yolov8", [(2, 84, 8400)], None, id="two pictures"),
        pytest.param("yolov8", [(1, 255, 80, 80)], None, id="a map"),
        pytest.param("yolov8", [(1, 84, 10), (1, 84, 20)], None, id="two outputs"),
        pytest.param("darknet", [(1, 84, 8400)], None, id="Darknet has two dimensions"),
    ],
)
def test_count_classes_tells_by_the_shapes(
    decoder: str, shapes: list[tuple[int, ...]], classes: int | None
) -> None:
    outputs = {str(n): np.zeros(shape, np.float32) for n, shape in enumerate(shapes)}
    assert get_decoder(decoder).count_classes(outputs, SIZE_WH) == classes


def test_get_decoder_of_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(ValueError, match=r"must be one of darknet, .*yolov5.*Received: 'yolov99'"):
        get_decoder("yolov99")


class Plain(Decoder):
    """A decoder of another package: one row per box, from 0 to 1, with the class at its end."""

    name = "plain"
    shapes = "(1, N, 4 + classes)"
    fittings = (Fitting("top-left", "bgr", scale=1.0),)

    def count_classes(self, outputs: Outputs, input_wh: tuple[int, int]) -> int | None:
        return outputs["plain"].shape[2] - 4 if "plain" in outputs else None

    def boxes(self, outputs: Outputs, input_wh: tuple[int, int], confidence: float) -> Boxes:
        rows = outputs["plain"][0]
        return with_best_class(corners(rows[:, :4]) * np.tile(input_wh, 2), rows[:, 4:])


class Constant:
    """An engine that answers the same to every picture, and remembers the last."""

    name: str = "constant"
    input_size_wh: tuple[int, int] = (64, 64)
    precision: str = "float32"

    def run(self, picture: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        self.picture = picture
        return {"plain": np.array([[[0.25, 0.25, 0.5, 0.5, 0.1, 0.9]]], np.float32)}


@pytest.fixture
def plain() -> Iterator[Decoder]:
    """The decoder of another package, registered."""
    decoder = Plain()
    register(decoder)
    yield decoder
    unregister("plain")


def test_decoder_of_another_package_needs_nothing_but_its_entry(plain: Decoder) -> None:
    engine = Constant()
    detector = NetworkDetector("toy", ("a", "b"), engine, "plain")
    found = detector.detect(np.full((50, 100, 3), 7, np.uint8))
    assert list(found) == [([0, 0, 50, 50], "b", pytest.approx(0.9))]
    assert (engine.picture[:32] == 7).all()
    assert (engine.picture[32:] == 114).all()
    assert plain.count_classes(engine.run(engine.picture), (64, 64)) == 2
    with pytest.raises(ValueError, match="named 'plain' is registered already"):
        register(plain)
