"""Streets full of cars, and what of them can be seen."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from training.data import BACKGROUND, IGNORE
from training.sprites import read_sprites
from training.streets import Street, fill_street, pave, solid_bounds

CAR = 4


@pytest.fixture
def car() -> np.ndarray:
    """A red block of 40 x 20 with a soft shadow around it."""
    sprite = np.zeros((40, 60, 4), np.uint8)
    sprite[..., 3] = 90
    sprite[10:30, 10:50] = (20, 20, 200, 255)
    return sprite


@pytest.fixture
def street() -> Street:
    return Street(np.full((200, 200, 3), 120, np.uint8), np.zeros((200, 200), np.int32), [])


def test_solid_bounds_leave_the_shadow_out(car: np.ndarray) -> None:
    assert solid_bounds(car) == (10, 10, 40, 20)


def test_street_with_a_car_behind_another_boxes_what_is_seen(
    street: Street, car: np.ndarray
) -> None:
    rng = np.random.default_rng(0)
    street.put(rng, car, (50, 50))
    street.put(rng, car, (70, 50))

    np.testing.assert_array_equal(
        street.boxes(CAR), [[CAR, 60, 60, 80, 80], [CAR, 80, 60, 120, 80]]
    )


@pytest.mark.parametrize(("shift", "label"), [(10, IGNORE), (2, None)])
def test_street_with_a_car_nearly_hidden_teaches_it_no_more(
    street: Street, car: np.ndarray, shift: int, label: int | None
) -> None:
    rng = np.random.default_rng(0)
    street.put(rng, car, (50, 50))
    street.put(rng, car, (50 + shift, 50))

    labels = street.boxes(CAR)[:, 0].tolist()

    assert labels == ([CAR] if label is None else [label, CAR])


def test_street_with_a_pole_before_a_car_keeps_its_box(street: Street, car: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    street.put(rng, car, (50, 50))
    street.hide(rng, np.full((100, 6, 4), 255, np.uint8), (75, 20))

    np.testing.assert_array_equal(street.boxes(CAR), [[CAR, 60, 60, 100, 80]])


def test_street_with_a_car_outside_of_the_picture_has_no_box(
    street: Street, car: np.ndarray
) -> None:
    street.put(np.random.default_rng(0), car, (300, 50))

    assert street.boxes(CAR).shape == (0, 5)


def test_pave_leaves_what_is_above_the_horizon() -> None:
    canvas = np.full((100, 100, 3), (200, 30, 30), np.uint8)

    pave(np.random.default_rng(4), canvas, 40.0)

    assert (canvas[:40] == (200, 30, 30)).all()
    assert (canvas[40:] != (200, 30, 30)).any()


def test_fill_street_gives_boxes_inside_the_picture(car: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(40):
        canvas = np.full((160, 160, 3), 120, np.uint8)

        boxes = fill_street(rng, canvas, CAR, [car], [car])

        found += len(boxes)
        assert set(boxes[:, 0]) <= {CAR, IGNORE}
        assert boxes[:, 1:].min(initial=0) >= 0
        assert boxes[:, 1:].max(initial=0) <= 160
        assert (boxes[:, 3:] > boxes[:, 1:3]).all()
    assert found > 40


def test_read_sprites_fades_a_shadow_cut_by_the_edge(tmp_path: Path, car: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / "car-1.png"), car)
    cv2.imwrite(str(tmp_path / "none-1.png"), car)

    (label, sprite), _, (other, _), _ = read_sprites(tmp_path, copies=2)

    assert (label, other) == (CAR, BACKGROUND)
    assert sprite[..., 3].max() == 255
    assert sprite[0, :, 3].max() < 90
    assert solid_bounds(sprite)[2:] == (40, 20)
