"""Average precision, against numbers computed by hand."""

import numpy as np
import pytest

from detectlab.vision.metrics import average_precision

# Four objects of class 0 in a row, each 10 wide, and places beside them.
OBJECTS = [[0, x, 0, x + 10, 10] for x in (0, 20, 40, 60)]
WRONG = (100, 0, 110, 10)


def rows(*found):
    return np.array(found, dtype=np.float32).reshape(-1, 6)


def boxes(*objects):
    return np.array(objects, dtype=np.float32).reshape(-1, 5)


def hit(number, score):
    return [0, score, *OBJECTS[number][1:]]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([], 0.0, id="nothing"),
        pytest.param([hit(n, 0.9) for n in range(4)], 1.0, id="all"),
        pytest.param([hit(0, 0.9), hit(1, 0.8)], 0.5, id="half-of-them"),
        # Right, wrong, right: precisions 1 and 2/3 at the two steps of a quarter each.
        pytest.param(
            [hit(0, 0.9), [0, 0.8, *WRONG], hit(1, 0.7)], (1 + 2 / 3) / 4, id="wrong-between"
        ),
        # Wrong, right, right, right: 1/2, 2/3, 3/4; the best beyond counts, so three times 3/4.
        pytest.param(
            [[0, 0.9, *WRONG], hit(0, 0.8), hit(1, 0.7), hit(2, 0.6)], 3 * 0.75 / 4, id="envelope"
        ),
        # The second detection of an object is wrong, and comes before the second right one.
        pytest.param([hit(0, 0.9), hit(0, 0.8), hit(1, 0.7)], (1 + 2 / 3) / 4, id="the-same-twice"),
        # 10 wide, moved by 3: IoU 7/13; by 4: 6/14.
        pytest.param([[0, 0.9, 3, 0, 13, 10]], 0.25, id="iou-0.54"),
        pytest.param([[0, 0.9, 4, 0, 14, 10]], 0.0, id="iou-0.43"),
        pytest.param([[1, 0.9, *OBJECTS[0][1:]]], 0.0, id="other-class"),
    ],
)
def test_average_precision_of_four_objects_gives(found, expected):
    assert average_precision([rows(*found)], [boxes(*OBJECTS)], 0) == (pytest.approx(expected), 4)


def test_average_precision_ranks_over_all_pictures():
    # In the first picture right at 0.6, in the second wrong at 0.9: 1/2 at the only step.
    found = [rows(hit(0, 0.6)), rows([0, 0.9, *WRONG])]

    assert average_precision(found, [boxes(OBJECTS[0]), boxes()], 0) == (pytest.approx(0.5), 1)


def test_average_precision_with_hit_on_ignored_region_counts_neither_way():
    found = [rows([0, 0.9, *WRONG], hit(0, 0.5))]

    assert average_precision(found, [boxes(OBJECTS[0], [-1, *WRONG])], 0) == (1.0, 1)


def test_average_precision_without_objects_is_nan():
    score, total = average_precision([rows(hit(0, 0.9))], [boxes()], 0)

    assert np.isnan(score)
    assert total == 0
