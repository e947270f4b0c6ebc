"""Both layouts, decoded from arrays."""

import numpy as np
import pytest

from detectlab.decoders.yolo import MAX_OBJECTS, find_objects, layout_of


def output_of(layout, boxes, scores, objectness=1.0):
    """An output with these `(x, y, width, height)` and scores of each class."""
    rows = np.asarray(boxes, np.float32).reshape(-1, 4)
    scores = np.asarray(scores, np.float32)
    if layout == "yolov8":
        return np.hstack([rows, scores]).T[None]
    return np.hstack([rows, np.full((len(rows), 1), objectness, np.float32), scores])[None]


@pytest.mark.parametrize("layout", ["yolov5", "yolov8"])
def test_find_objects_gives_corners_class_and_score_most_confident_first(layout):
    output = output_of(layout, [[50, 40, 20, 10], [150, 140, 40, 60]], [[0.6, 0.1], [0.2, 0.9]])
    found = find_objects(output, layout, 0.5, 0.3)
    assert found.xyxy.tolist() == [[130, 110, 170, 170], [40, 35, 60, 45]]
    assert found.confidence.tolist() == pytest.approx([0.9, 0.6])
    assert found.class_id.tolist() == [1, 0]


def test_find_objects_of_yolov5_multiplies_with_the_objectness():
    output = output_of("yolov5", [[50, 40, 20, 10]], [[0.9, 0.1]], objectness=0.5)
    assert find_objects(output, "yolov5", 0.4, 0.3).confidence.tolist() == pytest.approx([0.45])
    assert len(find_objects(output, "yolov5", 0.45, 0.3).xyxy) == 0


@pytest.mark.parametrize("layout", ["yolov5", "yolov8"])
def test_find_objects_suppresses_within_a_class_only(layout):
    boxes = [[50, 50, 20, 20], [51, 50, 20, 20], [50, 51, 20, 20]]
    output = output_of(layout, boxes, [[0.9, 0], [0.8, 0], [0, 0.7]])
    found = find_objects(output, layout, 0.5, 0.3)
    assert list(zip(found.class_id.tolist(), found.confidence.round(1).tolist(), strict=True)) == [
        (0, pytest.approx(0.9)),
        (1, pytest.approx(0.7)),
    ]


@pytest.mark.parametrize("layout", ["yolov5", "yolov8"])
def test_find_objects_keeps_boxes_of_one_class_that_overlap_less_than_the_threshold(layout):
    # Two squares of 20 that share half: IoU 1/3.
    output = output_of(layout, [[50, 50, 20, 20], [60, 50, 20, 20]], [[0.9], [0.8]])
    assert len(find_objects(output, layout, 0.5, 0.34).xyxy) == 2
    assert len(find_objects(output, layout, 0.5, 0.33).xyxy) == 1


@pytest.mark.parametrize("layout", ["yolov5", "yolov8"])
@pytest.mark.parametrize("count", [0, 1, 2 * MAX_OBJECTS])
def test_find_objects_gives_at_most_300(layout, count):
    boxes = [[100 * n, 50, 20, 20] for n in range(count)]
    output = output_of(layout, boxes, np.full((count, 2), 0.9))
    assert len(find_objects(output, layout, 0.5, 0.3).xyxy) == min(count, MAX_OBJECTS)


@pytest.mark.parametrize("layout", ["yolov5", "yolov8"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_find_objects_with_numbers_that_are_none_finds_no_object_there(layout, value):
    boxes = [[50, 40, value, 10], [value, 40, 20, 10], [150, 140, 40, 60], [9, 9, 2, 2]]
    output = output_of(layout, boxes, [[0.6], [0.7], [0.8], [np.nan]])
    assert find_objects(output, layout, 0.5, 0.3).xyxy.tolist() == [[130, 110, 170, 170]]


def test_find_objects_scores_a_hair_above_one_count_as_one():
    output = output_of("yolov8", [[50, 40, 20, 10]], [[1.0000001]])
    assert find_objects(output, "yolov8", 0.5, 0.3).confidence.tolist() == [1.0]


@pytest.mark.parametrize(
    ("shape", "classes", "layout"),
    [
        pytest.param((1, 25200, 85), 80, "yolov5", id="YOLOv5"),
        pytest.param((1, 84, 8400), 80, "yolov8", id="YOLOv8"),
        pytest.param((1, 300, 6), 1, "yolov5", id="one class"),
        pytest.param((1, 5, 8400), 1, "yolov8", id="one class, YOLOv8"),
        pytest.param((1, 84, 84), 80, "yolov8", id="square, by its rows"),
        pytest.param((1, 85, 85), 80, "yolov5", id="square, by its columns"),
        pytest.param((1, 84, 85), 80, "yolov8", id="both fit"),
    ],
)
def test_layout_of_a_shape_is_told_by_the_number_of_classes(shape, classes, layout):
    assert layout_of(shape, classes) == layout


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        ((1, 84, 8400), 79, r"\(1, N, 84\) as YOLOv5's or \(1, 83, N\).*would have 80 classes"),
        ((1, 25200, 85), 3, r"would have 80 classes. Received: \(1, 25200, 85\)"),
        ((1, 300, 6), 80, "looks like an end-to-end export.*`end2end=False`"),
        ((2, 84, 8400), 80, "neither is that of this output"),
        ((1, 255, 80, 80), 80, "neither is that of this output"),
        ((1000,), 80, "neither is that of this output"),
    ],
)
def test_layout_of_another_shape_raises_value_error_with_what_would_fit(shape, classes, message):
    with pytest.raises(ValueError, match=message):
        layout_of(shape, classes)
