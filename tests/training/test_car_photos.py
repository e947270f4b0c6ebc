"""Photographs of cars: labels for parts of pictures, cutting out, lines painted over."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from training.car_photos import (
    LABELS,
    Photo,
    cut_car,
    label_window,
    largest_piece,
    read_photo,
    without_lines,
)
from training.cut_out import cut_out
from training.data import Sample
from training.task import CLASSES


def test_window_with_cut_cars_gives_whole_ignored_and_dropped_ones() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    cars = [(20, 20, 40, 40), (90, 0, 130, 10), (98, 50, 198, 60)]
    photo = Photo(picture, cars, unclear=[(0, 80, 10, 100)])

    lines = [line.split() for line in label_window(photo, (0, 0, 100, 100))]

    assert [line[0] for line in lines] == ["4", "-1", "-1"]
    assert [float(value) for value in lines[0][1:]] == [0.3, 0.3, 0.2, 0.2]
    assert [float(value) for value in lines[1][1:]] == [0.95, 0.05, 0.1, 0.1]


def test_car_cut_out_keeps_the_car_and_drops_the_road() -> None:
    rng = np.random.default_rng(3)
    picture = rng.integers(90, 110, (120, 200, 3)).astype(np.uint8)
    cv2.rectangle(picture, (60, 40), (140, 90), (30, 30, 220), -1)

    sprite = cut_car(picture, (55, 35, 146, 96))

    solid = sprite[..., 3] > 200
    assert solid.mean() > 0.8
    assert sprite[..., 2][solid].mean() > 180
    assert sprite.shape[1] / sprite.shape[0] == pytest.approx(80 / 50, rel=0.1)


def test_largest_piece_of_two_has_no_holes_and_no_second() -> None:
    mask = np.zeros((80, 80), np.uint8)
    mask[10:50, 10:50] = 1
    mask[25:30, 25:30] = 0
    mask[60:70, 60:70] = 1

    piece = largest_piece(mask)

    assert piece[20:40, 20:40].all()
    assert not piece[55:, 55:].any()


@pytest.mark.parametrize(("name", "bgr"), [("red", (0, 0, 255)), ("blue", (255, 0, 0))])
def test_drawn_lines_painted_over_take_the_colour_around(
    name: str, bgr: tuple[int, int, int]
) -> None:
    picture = np.full((160, 60, 3), 128, np.uint8)
    cv2.rectangle(picture, (20, 110), (40, 140), bgr, 1)

    painted = without_lines(picture, name)

    assert np.abs(painted.astype(int) - 128).max() < 10


def test_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"car\.jpg` must be a picture or a film"):
        read_photo(tmp_path, {"file": "usr/car.jpg", "cars": []})


def test_labels_in_the_repository_fit_each_other() -> None:
    labels = json.loads(LABELS.read_text())

    assert {window[0] for window in labels["windows"]} == labels["pictures"].keys()
    for _, photo, number in labels["cuttings"]:
        assert number < len(labels["pictures"][photo]["cars"])
    for entry in labels["pictures"].values():
        for left, top, right, bottom in entry["cars"] + entry.get("unclear", []):
            assert 0 <= left < right
            assert 0 <= top < bottom


def test_only_whole_objects_of_the_class_are_cut_out() -> None:
    rng = np.random.default_rng(3)
    picture = rng.integers(90, 110, (200, 400, 3)).astype(np.uint8)
    for left, width in ((50, 100), (200, 100), (330, 70)):
        cv2.ellipse(
            picture, (left + width // 2, 100), (width // 2, 40), 0, 0, 360, (30, 30, 220), -1
        )
    car, clock = CLASSES.index("car"), CLASSES.index("clock")
    boxes = [[clock, 45, 55, 155, 145], [car, 195, 55, 305, 145], [car, 325, 55, 400, 145]]
    shares = np.array(boxes, np.float32) / [1, 400, 200, 400, 200]
    sample = Sample("street/1", picture, shares.astype(np.float32))

    ((number, sprite),) = cut_out(sample, car)

    assert number == 1
    assert 0.6 < (sprite[..., 3] > 200).mean() < 0.9


def test_object_that_fills_its_whole_box_is_left_out() -> None:
    picture = np.random.default_rng(3).integers(90, 110, (200, 400, 3)).astype(np.uint8)
    cv2.rectangle(picture, (100, 50), (300, 150), (30, 30, 220), -1)
    box = np.array([[CLASSES.index("car"), 0.25, 0.25, 0.75, 0.75]], np.float32)

    assert list(cut_out(Sample("street/1", picture, box), CLASSES.index("car"))) == []
