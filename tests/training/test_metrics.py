"""Average precision."""

import numpy as np
import pytest
from training.metrics import average_precision, ignore_tiny, suppress

BOX, ELSEWHERE = [0.1, 0.1, 0.4, 0.4], [0.6, 0.6, 0.9, 0.9]


def rows(*found: list[float]) -> np.ndarray:
    return np.array(found, dtype=np.float32).reshape(-1, 6)


def boxes(*objects: list[float]) -> np.ndarray:
    return np.array(objects, dtype=np.float32).reshape(-1, 5)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(rows(), 0.0, id="nothing"),
        pytest.param(rows([0, 0.9, *BOX]), 1.0, id="right"),
        pytest.param(rows([1, 0.9, *BOX]), 0.0, id="other class"),
        pytest.param(rows([0, 0.9, *BOX], [0, 0.8, *ELSEWHERE]), 1.0, id="mistake after"),
        pytest.param(rows([0, 0.7, *BOX], [0, 0.8, *ELSEWHERE]), 0.5, id="mistake before"),
        pytest.param(rows([0, 0.9, *BOX], [0, 0.95, *BOX]), 1.0, id="twice"),
    ],
)
def test_average_precision_with_one_object_gives(found: np.ndarray, expected: float) -> None:
    assert average_precision([found], [boxes([0, *BOX])], 0) == (pytest.approx(expected), 1)


def test_average_precision_with_hit_on_ignored_region_counts_neither_way() -> None:
    found = rows([0, 0.9, *ELSEWHERE], [0, 0.5, *BOX])
    truth = boxes([0, *BOX], [-1, *ELSEWHERE])

    assert average_precision([found], [truth], 0) == (pytest.approx(1.0), 1)


def test_average_precision_without_objects_is_nan() -> None:
    assert np.isnan(average_precision([rows()], [boxes()], 0)[0])


def test_ignore_tiny_turns_small_boxes_to_ignored() -> None:
    judged = ignore_tiny(boxes([0, *BOX], [1, 0.1, 0.1, 0.5, 0.11]), 0.02)

    assert judged[:, 0].tolist() == [0, -1]


def test_suppress_with_two_classes_keeps_the_best_box_of_each() -> None:
    votes = np.array([[*BOX, 0.9, 0.3], [0.11, 0.1, 0.41, 0.4, 0.7, 0.6]], dtype=np.float32)

    found = suppress(votes)

    assert found[:, 0].tolist() == [0, 1]
    np.testing.assert_allclose(found[:, 1], [0.9, 0.6], rtol=1e-6)
