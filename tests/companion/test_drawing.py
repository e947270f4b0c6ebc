"""Boxes and labels on pictures."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from detectlab.client import Detection
from detectlab.vision import drawing as drawing_of_the_server
from drawing import class_colour, colour_numbers, draw
from pictures import View

GREY = (90, 90, 90)


def blank(width: int, height: int, full_wh: tuple[int, int] | None = None) -> View:
    return View(Image.new("RGB", (width, height), GREY), full_wh or (width, height))


def found(x_min: int, y_min: int, x_max: int, y_max: int, name: str = "apple") -> Detection:
    return Detection(
        x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max, class_name=name, confidence=0.87
    )


def changed(view: View, drawn: Image.Image) -> Any:
    return (np.asarray(drawn) != np.asarray(view.image)).any(axis=2)


def test_draw_without_detections_gives_an_equal_copy() -> None:
    view = blank(800, 600)

    drawn = draw(view, [], {})

    assert drawn is not view.image
    assert not changed(view, drawn).any()


def test_draw_puts_the_box_where_the_object_is_in_the_whole_picture() -> None:
    view = blank(800, 600, full_wh=(1600, 1200))

    drawn = draw(view, [found(400, 400, 1200, 1000)], {"apple": 3})

    colour = class_colour("apple", {"apple": 3})
    assert {drawn.getpixel(xy) for xy in [(200, 350), (600, 350), (400, 500)]} == {colour}
    assert drawn.getpixel((400, 400)) == GREY


@pytest.mark.parametrize("number", range(12))
def test_colours_are_those_of_the_server(number: int) -> None:
    blue, green, red = drawing_of_the_server.class_colour(number)

    assert class_colour("apple", {"apple": number}) == (red, green, blue)


def test_colour_of_a_class_without_a_number_is_always_the_same() -> None:
    assert class_colour("zebra", {}) == class_colour("zebra", {"apple": 0})
    assert class_colour("zebra", {}) != class_colour("apple", {})


def test_colour_numbers_of_several_detectors_agree() -> None:
    numbers = colour_numbers({"one": ("apple", "car"), "two": ("person", "car", "apple", "dog")})

    assert numbers == {"apple": 0, "car": 1, "person": 0, "dog": 3}


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((-50, -50, 900, 700), id="around-the-picture"),
        pytest.param((700, 0, 799, 40), id="upper-right-corner"),
        pytest.param((0, 590, 30, 599), id="lower-left-corner"),
        pytest.param((5, 5, 5, 5), id="point"),
    ],
)
def test_label_lies_inside_the_picture(box: tuple[int, int, int, int]) -> None:
    view = blank(800, 600)

    drawn = draw(view, [found(*box)], {"apple": 0})

    # A label is a bar of the class's colour: as high as its letters, longer than any corner.
    colour = np.array(class_colour("apple", {"apple": 0}))
    is_coloured = (np.asarray(drawn) == colour).all(axis=2)
    rows = is_coloured[:, : 800 - 1].sum(axis=1)
    assert (rows > 60).sum() >= 20


@pytest.mark.parametrize("width", [60, 390, 800, 1400])
def test_letters_are_a_fixed_part_of_the_width(width: int) -> None:
    view = blank(width, width)
    drawn = draw(view, [found(0, width // 2, width - 1, width - 1)], {"apple": 0})

    above = changed(view, drawn)[: width // 2]  # the label alone
    heights = above.any(axis=1).sum()
    assert heights >= max(14, width / 32)


def test_labels_of_close_objects_do_not_cover_each_other() -> None:
    view = blank(800, 600)
    boxes = [found(100, 200, 500, 400), found(104, 204, 504, 404, "orange")]

    both = draw(view, boxes, {"apple": 0, "orange": 1})

    for name, number in (("apple", 0), ("orange", 1)):
        colour = np.array(class_colour(name, {name: number}))
        rows = (np.asarray(both) == colour).all(axis=2)[:, 110:180].sum(axis=1)
        assert (rows > 25).sum() >= 20


def test_stamp_is_written_across_the_lower_edge(make_picture: Callable[..., bytes]) -> None:
    view = blank(800, 600)

    drawn = draw(view, [], {}, stamp="TEST MODE")

    rows = changed(view, drawn).any(axis=1)
    assert rows[-20:].all()
    assert not rows[:500].any()
