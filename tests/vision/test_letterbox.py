import numpy as np
import pytest

from detectlab.vision.letterbox import GREY, Letterbox


@pytest.mark.parametrize(
    ("picture_wh", "input_wh", "fitted_wh", "left_top"),
    [
        pytest.param((640, 640), (640, 640), (640, 640), (0, 0), id="fits as it is"),
        pytest.param((1280, 720), (640, 640), (640, 360), (0, 140), id="wide"),
        pytest.param((720, 1280), (640, 640), (360, 640), (140, 0), id="high"),
        pytest.param((320, 319), (640, 640), (640, 638), (0, 1), id="enlarged"),
        pytest.param((640, 639), (640, 640), (640, 639), (0, 0), id="odd border above"),
        pytest.param((1, 1), (640, 640), (640, 640), (0, 0), id="one pixel"),
        pytest.param((5000, 1), (640, 640), (640, 1), (0, 319), id="a line"),
        pytest.param((100, 100), (640, 320), (320, 320), (160, 0), id="input not square"),
    ],
)
def test_letterbox_puts_the_picture_in_the_middle(picture_wh, input_wh, fitted_wh, left_top):
    assert Letterbox.of(picture_wh, input_wh) == (picture_wh, input_wh, fitted_wh, left_top)


def test_letterbox_fit_surrounds_the_picture_with_grey():
    picture = np.full((2, 4, 3), 200, np.uint8)
    filled = Letterbox.of((4, 2), (8, 8)).fit(picture)
    assert filled.shape == (8, 8, 3)
    assert (filled[2:6] == 200).all()
    assert (filled[:2] == GREY).all()
    assert (filled[6:] == GREY).all()


@pytest.mark.parametrize("picture_wh", [(640, 427), (427, 640), (33, 1000), (7, 5), (1, 1)])
def test_letterbox_to_picture_undoes_it(picture_wh):
    letterbox = Letterbox.of(picture_wh, (640, 640))
    (width, height), (left, top) = letterbox.fitted_wh, letterbox.left_top
    whole = np.array([[left, top, left + width, top + height]], np.float64)
    assert letterbox.to_picture(whole).tolist() == [[0, 0, *map(float, picture_wh)]]


def test_letterbox_to_picture_cuts_off_at_the_borders():
    letterbox = Letterbox.of((100, 50), (100, 100))
    beyond = np.array([[-10.0, 0.0, 120.0, 40.0]])
    assert letterbox.to_picture(beyond).tolist() == [[0, 0, 100, 15]]


def test_letterbox_at_the_top_left_fills_below():
    letterbox = Letterbox.of((4, 2), (8, 8), place="top-left")
    filled = letterbox.fit(np.full((2, 4, 3), 200, np.uint8), 0)
    assert (filled[:4] == 200).all()
    assert (filled[4:] == 0).all()
    assert letterbox.to_picture(np.array([[0.0, 0.0, 8.0, 4.0]])).tolist() == [[0, 0, 4, 2]]


def test_letterbox_that_squeezes_fills_the_input():
    letterbox = Letterbox.of((4, 2), (8, 8), place="squeeze")
    assert (letterbox.fit(np.full((2, 4, 3), 200, np.uint8)) == 200).all()
    assert letterbox.to_picture(np.array([[4.0, 4.0, 8.0, 8.0]])).tolist() == [[2, 1, 4, 2]]
