"""Two answers about one picture."""

from collections.abc import Callable

import pytest

from detectlab.rollout.detection_diff import diff_detections
from detectlab.rollout.detections_json import from_json, to_json
from detectlab.vision.detections import Detections

Make = Callable[..., Detections]
APPLE = ([10, 10, 110, 110], "apple", 0.9)
NEAR = ([15, 10, 115, 110], "apple", 0.8)
FAR = ([300, 10, 400, 110], "apple", 0.7)
ORANGE = ([10, 10, 110, 110], "orange", 0.6)


@pytest.mark.parametrize(
    ("baseline", "other", "expected"),
    [
        pytest.param([], [], (0, 0, 0), id="nothing"),
        pytest.param([APPLE], [], (0, 1, 0), id="missed"),
        pytest.param([], [APPLE], (0, 0, 1), id="extra"),
        pytest.param([APPLE], [APPLE], (1, 0, 0), id="same"),
        pytest.param([APPLE], [NEAR], (1, 0, 0), id="near"),
        pytest.param([APPLE], [FAR], (0, 1, 1), id="far"),
        pytest.param([APPLE], [ORANGE], (0, 1, 1), id="other-class"),
        pytest.param([APPLE], [NEAR, APPLE], (1, 0, 1), id="matched-once"),
        pytest.param([APPLE, ORANGE], [ORANGE, APPLE, FAR], (2, 0, 1), id="any-order"),
    ],
)
def test_objects_are_matched_by_class_and_overlap(
    detections: Make, baseline: list[object], other: list[object], expected: tuple[int, int, int]
) -> None:
    found = diff_detections(detections(*baseline), detections(*other))

    assert (found.matched, found.missed, found.extra) == expected
    assert found.agrees == (expected[1:] == (0, 0))


def test_the_best_overlap_is_matched_first(detections: Make) -> None:
    found = diff_detections(detections(NEAR, APPLE), detections(APPLE))

    assert found.iou == 1.0
    assert found.confidence_shift == 0.0


def test_shift_is_how_much_surer_the_other_one_is(detections: Make) -> None:
    found = diff_detections(detections(APPLE), detections(NEAR))

    assert found.confidence_shift == pytest.approx(-0.1, abs=1e-6)
    assert 0.9 < found.iou < 0.91


def test_agreement_is_twice_the_matched_over_all(detections: Make) -> None:
    assert diff_detections(detections(), detections()).agreement == 1.0
    assert diff_detections(detections(APPLE), detections(APPLE, FAR)).agreement == pytest.approx(
        2 / 3
    )


def test_classes_are_compared_by_name(detections: Make) -> None:
    other = detections(APPLE, names=("car", "apple"))

    assert diff_detections(detections(APPLE), other).matched == 1


@pytest.mark.parametrize("rows", [[], [APPLE, ORANGE]])
def test_record_keeps_an_answer(detections: Make, rows: list[object]) -> None:
    answer = detections(*rows)

    kept = from_json(to_json(answer))

    assert [row[:2] for row in kept] == [row[:2] for row in answer]
    assert kept.confidence == pytest.approx(answer.confidence, abs=1e-4)
