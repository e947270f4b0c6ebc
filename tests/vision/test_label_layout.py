"""Places of labels: none covers another, and none hides another object."""

import numpy as np
import pytest

from detectlab.vision.label_layout import MAX_COVER, Place, largest_cover, place_labels

NOTHING = np.empty((0, 4))
SIZE = (60, 20)


def place(boxes: list[list[float]], *, forms: list[tuple[int, int]] | None = None) -> list:
    sizes = forms or [SIZE]
    return place_labels(
        np.array(boxes, float), [sizes] * len(boxes), picture_wh=(400, 300), taken=NOTHING
    )


def test_label_of_one_box_stands_on_it() -> None:
    assert place([[100, 100, 200, 200]]) == [Place(0, (100, 80, 160, 100), False)]


def test_label_at_the_upper_border_lies_in_its_box() -> None:
    (found,) = place([[100, 5, 200, 200]])

    assert found.xyxy == (100, 0, 160, 20)


def test_label_avoids_the_object_above() -> None:
    boxes = [[100.0, 100.0, 200.0, 200.0], [95.0, 60.0, 215.0, 98.0]]

    found = place(boxes)

    assert largest_cover(np.array([found[0].xyxy], float), np.array(boxes[1:], float)) <= 0.02


def test_label_takes_a_smaller_form_where_the_first_one_has_no_room() -> None:
    wide = [[10.0, 0, 390, 300]]

    assert place(wide, forms=[(500, 20), (80, 20)])[0].form == 1


def test_label_without_any_room_is_left_out() -> None:
    assert place([[0, 0, 9, 9]], forms=[(500, 500)]) == [None]


def test_label_is_moved_where_all_places_at_its_box_are_taken() -> None:
    taken = np.array([[90.0, 90, 230, 230]])

    (found,) = place_labels(
        np.array([[140.0, 140, 180, 180]]), [[SIZE]], picture_wh=(400, 300), taken=taken
    )

    assert found is not None
    assert found.is_moved
    assert largest_cover(np.array([found.xyxy], float), taken) == 0


@pytest.mark.parametrize("count", [2, 10, 40])
def test_labels_of_equal_boxes_do_not_meet(count: int) -> None:
    found = [p for p in place([[100, 100, 300, 250]] * count) if p]

    rectangles = np.array([p.xyxy for p in found], float)
    for index, rectangle in enumerate(rectangles):
        assert largest_cover(rectangle[None], np.delete(rectangles, index, axis=0)) == 0
    assert len(found) >= min(count, 10)


def test_largest_cover_is_the_share_of_the_most_covered_box() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [0, 0, 100, 100]])

    assert largest_cover(np.array([[5.0, 0, 15, 10]]), boxes).tolist() == [0.5]
    assert largest_cover(np.array([[5.0, 0, 15, 10]]), NOTHING).tolist() == [0.0]
    assert MAX_COVER == 0.15
