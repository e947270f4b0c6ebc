"""Detections as they are judged."""

import numpy as np
from training.metrics import suppress

BOX = [0.1, 0.1, 0.4, 0.4]


def test_suppress_with_two_classes_keeps_the_best_box_of_each() -> None:
    votes = np.array([[*BOX, 0.9, 0.3], [0.11, 0.1, 0.41, 0.4, 0.7, 0.6]], dtype=np.float32)

    found = suppress(votes)

    assert found[:, 0].tolist() == [0, 1]
    np.testing.assert_allclose(found[:, 1], [0.9, 0.6], rtol=1e-6)
