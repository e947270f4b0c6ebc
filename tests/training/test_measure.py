"""Average precision with COCO's rules for sizes, regions and crowds, and its intervals."""

import numpy as np
import pytest
from training.measure import average_precision, judge, mean_count, mean_precision

HERE, THERE = [0.1, 0.1, 0.4, 0.4], [0.6, 0.6, 0.9, 0.9]
TINY = [0.5, 0.5, 0.53, 0.53]


def found(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32).reshape(-1, 6)


def truth(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32).reshape(-1, 5)


def test_judge_of_two_hits_on_one_object_takes_the_more_confident() -> None:
    verdicts = judge([found([0, 0.6, *HERE], [0, 0.9, *HERE])], [truth([0, *HERE])], 0)

    assert verdicts.scores.tolist() == pytest.approx([0.9, 0.6])
    assert verdicts.right.tolist() == [True, False]
    assert verdicts.objects.tolist() == [1]


def test_judge_with_a_detection_half_in_a_region_leaves_it_out() -> None:
    region = truth([-1, 0.1, 0.1, 0.25, 0.4], [0, *THERE])

    verdicts = judge([found([0, 0.9, *HERE], [0, 0.8, *THERE])], [region], 0)

    assert verdicts.right.tolist() == [True]


def test_judge_with_sizes_leaves_out_small_objects_and_small_detections() -> None:
    rows = found([0, 0.9, *TINY], [0, 0.8, 0.8, 0.1, 0.83, 0.13], [0, 0.7, *HERE], [0, 0.6, *THERE])
    boxes = truth([0, *TINY], [0, *HERE])

    large = judge([rows], [boxes], 0, smallest=0.06)
    small = judge([rows], [boxes], 0, largest=0.06)

    assert large.right.tolist() == [True, False]
    assert small.right.tolist() == [True, False]
    assert (large.objects.tolist(), small.objects.tolist()) == ([1], [1])


def test_judge_in_a_crowd_counts_hits_only() -> None:
    rows = found([0, 0.9, *HERE], [0, 0.8, *THERE])

    verdicts = judge([rows], [truth([0, *HERE])], 0, crowded=[True])

    assert verdicts.right.tolist() == [True]


def test_average_precision_of_one_of_two_objects_behind_a_mistake() -> None:
    rows = found([0, 0.9, *THERE], [0, 0.8, *HERE])
    boxes = truth([0, *HERE], [0, 0.1, 0.6, 0.3, 0.9])

    assert average_precision(judge([rows], [boxes], 0)) == pytest.approx(0.25)


def test_average_precision_without_objects_is_nan() -> None:
    assert np.isnan(average_precision(judge([found()], [truth()], 0)))


def test_average_precision_with_copies_equals_that_of_repeated_pictures() -> None:
    pictures = [found([0, 0.9, *HERE]), found([0, 0.95, *THERE], [0, 0.5, *HERE])]
    boxes = [truth([0, *HERE])] * 2

    counted = average_precision(judge(pictures, boxes, 0), np.array([1, 2]))
    repeated = average_precision(judge([*pictures, pictures[1]], [*boxes, boxes[1]], 0))

    assert counted == pytest.approx(repeated)


def test_mean_precision_gives_an_interval_that_holds_the_value() -> None:
    rng = np.random.default_rng(0)
    places = [HERE if rng.random() < 0.7 else THERE for _ in range(40)]
    pictures = [found([0, rng.random(), *place]) for place in places]

    figure = mean_precision([judge(pictures, [truth([0, *HERE])] * 40, 0)])

    assert 0 < figure.low < figure.value < figure.high < 1
    assert figure.objects == 40


def test_mean_precision_of_pictures_that_are_alike_has_no_width() -> None:
    verdicts = judge([found([0, 0.9, *HERE])] * 5, [truth([0, *HERE])] * 5, 0)

    assert mean_precision([verdicts]).low == mean_precision([verdicts]).high == 1.0


def test_mean_precision_leaves_out_classes_without_objects() -> None:
    pictures, boxes = [found([0, 0.9, *HERE])], [truth([0, *HERE])]

    figure = mean_precision([judge(pictures, boxes, 0), judge(pictures, boxes, 1)])

    assert figure.value == 1.0


def test_mean_count_gives_the_mean_and_its_interval() -> None:
    figure = mean_count([0] * 90 + [1] * 10)

    assert figure.value == pytest.approx(0.1)
    assert 0.03 < figure.low < 0.1 < figure.high < 0.17
