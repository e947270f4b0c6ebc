"""Detections: what they refuse and what they give."""

import numpy as np
import pytest

from detectlab import Detections

NAMES = ("apple", "orange")


@pytest.fixture
def three() -> Detections:
    xyxy = np.array([[0, 0, 4, 4], [1, 2, 3, 5], [-2, 0, 9, 9]])
    return Detections(xyxy, np.array([0.9, 0.5, 0.2]), np.array([0, 1, 0]), NAMES)


def test_detections_when_iterated_give_box_label_and_confidence(three: Detections) -> None:
    assert [(box, label, round(conf, 3)) for box, label, conf in three] == [
        ([0, 0, 4, 4], "apple", 0.9),
        ([1, 2, 3, 5], "orange", 0.5),
        ([-2, 0, 9, 9], "apple", 0.2),
    ]


def test_detections_above_a_confidence_drop_the_rest(three: Detections) -> None:
    assert three.above(0.5).labels == ["apple"]
    assert three.above(0.1).labels == three.labels
    assert len(three.above(1.0)) == 0


def test_detections_count_of_a_label_counts_only_that(three: Detections) -> None:
    assert (three.count("apple"), three.count("orange"), three.count("car")) == (2, 1, 0)


def test_detections_of_objects_are_what_iteration_gives() -> None:
    objects = [([0, 0, 4, 4], "pear", 0.5), ([1, 2, 3, 5], "apple", 0.25)]

    assert list(Detections.of(objects)) == objects
    assert Detections.of(objects).names == ("apple", "pear")
    assert len(Detections.of([])) == 0


def test_detections_empty_have_no_objects_but_names() -> None:
    nothing = Detections.empty(NAMES)
    assert (len(nothing), list(nothing), nothing.labels, nothing.names) == (0, [], [], NAMES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"xyxy": np.zeros((1, 3))}, r"`xyxy` must have shape \(N, 4\)", id="3 columns"
        ),
        pytest.param({"confidence": np.zeros(2)}, r"must have shape \(N,\)", id="2 scores, 1 box"),
        pytest.param({"class_id": np.zeros((1, 1))}, r"must have shape \(N,\)", id="2-D classes"),
        pytest.param({"confidence": np.array([1.5])}, r"must lie in \[0, 1\]", id="score 1.5"),
        pytest.param({"confidence": np.array([np.nan])}, r"must lie in \[0, 1\]", id="score NaN"),
        pytest.param({"class_id": np.array([2])}, r"must lie in \[0, 2\)", id="unknown class"),
        pytest.param({"class_id": np.array([-1])}, r"must lie in \[0, 2\)", id="negative class"),
        pytest.param({"xyxy": np.full((1, 4), np.inf)}, "must be finite", id="infinite box"),
    ],
)
def test_detections_that_do_not_fit_together_are_refused(
    change: dict[str, np.ndarray], message: str
) -> None:
    good = {"xyxy": np.zeros((1, 4)), "confidence": np.ones(1), "class_id": np.zeros(1)}
    with pytest.raises(ValueError, match=message):
        Detections(**{**good, **change}, names=NAMES)
