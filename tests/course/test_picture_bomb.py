"""The bomb is a real PNG file, and what is stopped shows one sentence."""

from testing import pixels_of

from detectlab.course.picture_bomb import black_png
from detectlab.course.stop import StopNotebook


def test_black_png_is_a_black_picture_of_that_size():
    pixels = pixels_of(black_png(61))

    assert pixels.shape == (61, 61, 3)
    assert not pixels.any()


def test_black_png_of_thirty_thousand_pixels_is_a_small_file():
    assert len(black_png(30_000)) < 200_000


def test_stopped_notebook_shows_its_message_only():
    assert StopNotebook("Start the server.")._render_traceback_() == ["Start the server."]
