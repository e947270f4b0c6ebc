"""Boxes and labels on pictures, drawn as by the server."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from detectlab import Detections, draw_bbox
from detectlab.client import Detection
from detectlab.vision.colours import class_colour
from detectlab.vision.labels import Labels
from drawing import draw
from pictures import View

GREY = (90, 90, 90)


def blank(width: int, height: int, full_wh: tuple[int, int] | None = None) -> View:
    return View(Image.new("RGB", (width, height), GREY), full_wh or (width, height))


def found(x_min: int, y_min: int, x_max: int, y_max: int, name: str = "apple") -> Detection:
    return Detection(
        x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max, class_name=name, confidence=0.87
    )


def changed(view: View, drawn: np.ndarray) -> Any:
    return (drawn != np.asarray(view.image)).any(axis=2)


def test_draw_without_detections_gives_an_equal_copy() -> None:
    view = blank(800, 600)

    assert not changed(view, draw(view, [])).any()


def test_draw_puts_the_box_where_the_object_is_in_the_whole_picture() -> None:
    view = blank(800, 600, full_wh=(1600, 1200))

    drawn = draw(view, [found(400, 400, 1200, 1000)])

    colour = class_colour("apple")
    assert {tuple(drawn[y, x].tolist()) for x, y in [(200, 350), (600, 350), (400, 500)]} == {
        colour
    }
    assert tuple(drawn[400, 400].tolist()) == GREY


def test_draw_frames_the_truth_and_leaves_the_picture_as_it_is() -> None:
    view = View(Image.open(_png(blank(200, 100))), (200, 100))
    before = np.array(view.image)

    drawn = draw(view, [], truth=Labels(np.array([[0.25, 0.25, 0.75, 0.75]]), ("apple",)))

    assert (np.asarray(view.image) == before).all()
    assert {tuple(pixel) for pixel in drawn[25, 60:140].tolist()} == {(255, 255, 255)}
    assert tuple(drawn[50, 100].tolist()) == GREY


def _png(view: View) -> io.BytesIO:
    file = io.BytesIO()
    view.image.save(file, "PNG")
    file.seek(0)
    return file


def test_drawing_is_that_of_the_server() -> None:
    view = blank(800, 600)
    detections = Detections(
        np.array([[100, 200, 300, 400]]), np.array([0.87]), np.array([0]), ("apple",)
    )

    drawn = draw(view, [found(100, 200, 300, 400)])
    by_server = draw_bbox(np.asarray(view.image)[..., ::-1], detections)[..., ::-1]

    box = np.s_[202:410, 90:310]
    assert (drawn[box] == by_server[box]).all()


@pytest.mark.parametrize("width", [60, 390, 800, 1400])
def test_letters_are_a_fixed_part_of_the_width(width: int) -> None:
    view = blank(width, width)
    drawn = draw(view, [found(0, width // 2, width - 1, width - 1)])

    above = changed(view, drawn)[: width // 2]  # the label alone
    if width > 60:  # where it does not fit beside the box, it is left out
        assert above.any(axis=1).sum() >= max(14, width / 40)


def test_stamp_is_written_at_the_lower_edge() -> None:
    view = blank(800, 600)

    drawn = draw(view, [], stamp="TEST MODE")

    rows = changed(view, drawn).any(axis=1)
    assert rows[-20:].all()
    assert not rows[:500].any()
