"""What is judged by average precision, which tests/vision/test_metrics.py tests."""

import numpy as np
from training.metrics import ignore_tiny, suppress

BOX, ELSEWHERE = [0.1, 0.1, 0.4, 0.4], [0.6, 0.6, 0.9, 0.9]


def boxes(*objects: list[float]) -> np.ndarray:
    return np.array(objects, dtype=np.float32).reshape(-1, 5)


def test_ignore_tiny_turns_small_boxes_to_ignored() -> None:
    judged = ignore_tiny(boxes([0, *BOX], [1, 0.1, 0.1, 0.5, 0.11]), 0.02)

    assert judged[:, 0].tolist() == [0, -1]


def test_suppress_with_two_classes_keeps_the_best_box_of_each() -> None:
    votes = np.array([[*BOX, 0.9, 0.3], [0.11, 0.1, 0.41, 0.4, 0.7, 0.6]], dtype=np.float32)

    found = suppress(votes)

    assert found[:, 0].tolist() == [0, 1]
    np.testing.assert_allclose(found[:, 1], [0.9, 0.6], rtol=1e-6)
