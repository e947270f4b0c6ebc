"""Boxes on pictures: seen on the pixels."""

import numpy as np
import pytest

from detectlab import Detections, draw_bbox
from detectlab.vision.drawing import class_colour

NAMES = ("apple", "orange")


def one(xyxy: list[float], class_id: int = 0) -> Detections:
    return Detections(np.array([xyxy]), np.array([0.9]), np.array([class_id]), NAMES)


def test_draw_bbox_leaves_the_picture_itself_alone() -> None:
    image = np.full((100, 100, 3), 128, np.uint8)
    drawn = draw_bbox(image, one([20, 40, 80, 90]))
    assert (image == 128).all()
    assert drawn.shape == image.shape


def test_draw_bbox_paints_the_edges_in_the_colour_of_the_class() -> None:
    drawn = draw_bbox(np.zeros((200, 200, 3), np.uint8), one([50, 60, 150, 160], class_id=1))
    for row, column in ((110, 50), (110, 150), (160, 100)):
        assert tuple(drawn[row, column].tolist()) == class_colour(1)
    assert (drawn[70:150, 60:140] == 0).all()  # nothing inside


def test_draw_bbox_of_nothing_changes_nothing() -> None:
    image = np.full((50, 60, 3), 7, np.uint8)
    assert (draw_bbox(image, Detections.empty(NAMES)) == image).all()


@pytest.mark.parametrize(
    "xyxy",
    [
        pytest.param([-50, -50, 20, 20], id="beyond the top left"),
        pytest.param([80, 80, 5000, 5000], id="beyond the bottom right"),
        pytest.param([-1e9, -1e9, 1e9, 1e9], id="far beyond"),
        pytest.param([30, 30, 30, 30], id="no area"),
    ],
)
def test_draw_bbox_at_the_borders_shows_the_label_inside(xyxy: list[float]) -> None:
    drawn = draw_bbox(np.zeros((100, 200, 3), np.uint8), one(xyxy))
    painted = (drawn == class_colour(0)).all(axis=2).sum()
    assert painted > 200  # the bar behind the label


@pytest.mark.parametrize("size", [1, 2, 15])
def test_draw_bbox_on_tiny_pictures_works(size: int) -> None:
    assert draw_bbox(np.zeros((size, size, 3), np.uint8), one([0, 0, 1, 1])).shape == (
        size,
        size,
        3,
    )


def test_class_colours_of_neighbours_differ() -> None:
    colours = np.array([class_colour(i) for i in range(80)], int)
    assert (np.abs(np.diff(colours, axis=0)).sum(axis=1) > 90).all()
