"""Drawings and composed training pictures."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from testing import pixels_of
from training.augment import Composer, clip, foreground, turned
from training.data import IGNORE, Sample
from training.draw_car import draw_car
from training.draw_clock import draw_clock
from training.light import relight


def sample(name: str, *boxes: list[float]) -> Sample:
    picture = np.full((60, 80, 3), 255, np.uint8)
    picture[20:40, 20:60] = (30, 40, 200)
    return Sample(name, picture, np.array(boxes, dtype=np.float32).reshape(-1, 5))


@pytest.mark.parametrize(
    "draw", [pytest.param(draw_clock, id="clock"), pytest.param(draw_car, id="car")]
)
def test_drawing_with_same_seed_is_the_same_and_fills_its_bounds(
    draw: Callable[[np.random.Generator], np.ndarray],
) -> None:
    first, second = draw(np.random.default_rng(3)), draw(np.random.default_rng(3))

    np.testing.assert_array_equal(first, second)
    opaque = first[..., 3] > 40
    assert np.any(opaque, axis=0)[[0, -1]].all()
    assert np.any(opaque, axis=1)[[0, -1]].all()


def test_picture_in_the_light_of_another_one_keeps_its_shapes(root: Path) -> None:
    picture, bright = (pixels_of(root / "images" / f"{it}.jpg") for it in ("car", "oranges"))
    dark = (bright // 4).astype(np.uint8)

    moved = relight(picture, dark)

    assert moved.mean(axis=(0, 1)) == pytest.approx(dark.mean(axis=(0, 1)), abs=6)
    assert moved.std() == pytest.approx(dark.std(), abs=6)
    before, after = (cv2.cvtColor(it, cv2.COLOR_BGR2GRAY).ravel() for it in (picture, moved))
    assert np.corrcoef(before, after).min() > 0.95


def test_picture_of_one_colour_takes_the_light_of_another_one() -> None:
    flat, grey = np.full((8, 8, 3), 200, np.uint8), np.full((8, 8, 3), 60, np.uint8)

    np.testing.assert_array_equal(relight(flat, grey), grey)


def test_foreground_before_white_finds_the_object() -> None:
    opacity = foreground(sample("a").picture)

    assert opacity is not None
    assert opacity[30, 40] == 255
    assert opacity[5, 5] == 0


def test_foreground_before_a_scene_gives_none() -> None:
    assert foreground(np.full((60, 80, 3), 90, np.uint8)) is None


def test_clip_with_object_cut_badly_ignores_it() -> None:
    boxes = np.array([[0, -60, 0, 40, 100], [1, 10, 10, 50, 50]], dtype=np.float32)

    cut = clip(boxes, (0, 0), (100, 100))

    assert cut[:, 0].tolist() == [IGNORE, 1]
    assert cut[0, 1:].tolist() == [0, 0, 40, 100]


def test_turned_by_a_right_angle_swaps_width_and_height() -> None:
    turn = cv2.getRotationMatrix2D((50, 50), 90, 1.0)

    box = turned(np.array([[10, 40, 90, 60]], dtype=np.float32), np.asarray(turn, np.float64))

    np.testing.assert_allclose(box, [[40, 10, 60, 90]], atol=1e-4)


def test_turned_a_little_keeps_a_round_box_as_large() -> None:
    turn = cv2.getRotationMatrix2D((50, 50), 5, 1.0)

    box = turned(np.array([[30, 30, 70, 70]], dtype=np.float32), np.asarray(turn, np.float64))

    np.testing.assert_allclose(box, [[30, 30, 70, 70]], atol=1e-4)


@pytest.mark.parametrize("mosaic", [True, False])
def test_compose_gives_boxes_inside_the_picture(mosaic: bool) -> None:
    rng = np.random.default_rng(5)
    groups = [[sample("a", [0, 0.25, 0.33, 0.75, 0.67])], [sample("b")]]
    sprites = [(3, draw_clock(rng)), (4, draw_car(rng))]
    composer = Composer(groups, [0.8, 0.2], groups[1], sprites, paste_chance=1.0)

    for _ in range(20):
        picture, boxes = composer.compose(rng, 128, mosaic=mosaic)

        assert picture.shape == (128, 128, 3)
        assert boxes[:, 1:].min(initial=0) >= 0
        assert boxes[:, 1:].max(initial=0) <= 128
        assert set(boxes[:, 0]) <= {-1, 0, 3, 4}
