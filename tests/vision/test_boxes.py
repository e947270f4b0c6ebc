"""Boxes: IoU and suppression against OpenCV's own, and their edge cases."""

import cv2
import numpy as np
import pytest

from detectlab.vision.boxes import box_area, box_iou, clip_boxes
from detectlab.vision.suppression import non_max_suppression


def random_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    top_left = rng.uniform(-20, 100, (count, 2))
    return np.hstack([top_left, top_left + rng.integers(0, 60, (count, 2))])


@pytest.mark.parametrize(
    ("box", "area"),
    [
        pytest.param([0, 0, 2, 3], 6, id="plain"),
        pytest.param([-1, -1, 1, 1], 4, id="negative corner"),
        pytest.param([5, 5, 5, 9], 0, id="no width"),
        pytest.param([5, 5, 3, 9], 0, id="turned round"),
    ],
)
def test_box_area_of_one_box_is_width_times_height(box: list[float], area: float) -> None:
    assert box_area(np.array([box])) == [area]


@pytest.mark.parametrize(
    ("a", "b", "iou"),
    [
        pytest.param([0, 0, 2, 2], [0, 0, 2, 2], 1.0, id="same"),
        pytest.param([0, 0, 2, 2], [1, 0, 3, 2], 1 / 3, id="half shifted"),
        pytest.param([0, 0, 4, 4], [1, 1, 3, 3], 0.25, id="inside"),
        pytest.param([0, 0, 1, 1], [1, 0, 2, 1], 0.0, id="touching"),
        pytest.param([0, 0, 1, 1], [5, 5, 6, 6], 0.0, id="apart"),
        pytest.param([3, 3, 3, 3], [9, 9, 9, 9], 1.0, id="both empty, as OpenCV has it"),
        pytest.param([3, 3, 3, 3], [0, 0, 9, 9], 0.0, id="one empty"),
    ],
)
def test_box_iou_of_two_boxes_is_right(a: list[float], b: list[float], iou: float) -> None:
    assert box_iou(np.array([a]), np.array([b])) == pytest.approx(np.array([[iou]]))


def test_box_iou_of_no_boxes_has_the_right_shape() -> None:
    assert box_iou(np.empty((0, 4)), np.ones((3, 4))).shape == (0, 3)
    assert box_iou(np.ones((3, 4)), np.empty((0, 4))).shape == (3, 0)


def test_non_max_suppression_without_boxes_keeps_none() -> None:
    assert non_max_suppression(np.empty((0, 4)), np.empty(0)).tolist() == []


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("count", [1, 2, 50, 300])
def test_non_max_suppression_of_random_boxes_equals_opencv(count: int, threshold: float) -> None:
    rng = np.random.default_rng(count)
    xyxy = random_boxes(rng, count)
    # Few different values, so that there are ties.
    confidence = rng.integers(1, 40, count).astype(np.float32) / 40
    xywh = np.hstack([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]])
    expected = cv2.dnn.NMSBoxes(xywh.tolist(), confidence.tolist(), 0.0, threshold)
    assert non_max_suppression(xyxy, confidence, iou_threshold=threshold).tolist() == list(expected)


def test_clip_boxes_beyond_the_borders_cuts_them_off() -> None:
    boxes = np.array([[-5.0, -1.0, 20.0, 8.0], [1.0, 2.0, 3.0, 4.0]])
    assert clip_boxes(boxes, (10, 6)).tolist() == [[0, 0, 10, 6], [1, 2, 3, 4]]
