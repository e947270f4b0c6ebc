"""Boxes on pictures: seen on the pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectlab import Detections, draw_bbox, load_detector, read_image
from detectlab.vision.colours import class_colour
from detectlab.vision.drawing import draw_objects
from detectlab.vision.label_layout import MAX_COVER, largest_cover, lay_out_labels

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
        assert tuple(drawn[row, column].tolist()) == class_colour("orange")[::-1]
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
    painted = (drawn == class_colour("apple")[::-1]).all(axis=2).sum()
    assert painted > 200  # the bar behind the label


@pytest.mark.parametrize("size", [1, 2, 15])
def test_draw_bbox_on_tiny_pictures_works(size: int) -> None:
    assert draw_bbox(np.zeros((size, size, 3), np.uint8), one([0, 0, 1, 1])).shape == (
        size,
        size,
        3,
    )


def test_draw_objects_in_rgb_mirrors_the_channels() -> None:
    image = np.full((120, 160, 3), 90, np.uint8)
    box, names = np.array([[30.0, 40, 100, 100]]), ["orange"]

    bgr = draw_objects(image, box, names, confidence=[0.5])
    rgb = draw_objects(image, box, names, confidence=[0.5], order="rgb")

    assert (bgr[..., ::-1] == rgb).all()


def test_draw_objects_gives_one_class_one_colour_whatever_its_number() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    here = Detections(np.array([[50, 60, 150, 160]]), np.array([0.9]), np.array([1]), NAMES)
    there = Detections(np.array([[50, 60, 150, 160]]), np.array([0.9]), np.array([0]), ("orange",))

    assert (draw_bbox(image, here) == draw_bbox(image, there)).all()


def test_lines_are_wider_in_larger_pictures() -> None:
    def line_px(side: int) -> int:
        drawn = draw_bbox(np.zeros((side, side, 3), np.uint8), one([0.3 * side] * 2 + [side] * 2))
        row = drawn[int(0.6 * side)]
        return int((row[: int(0.9 * side)] != 0).any(axis=1).sum())

    assert line_px(200) < line_px(800) < line_px(3000)


Crowd = tuple[tuple[int, int], np.ndarray, list[str], np.ndarray]
CLASSES = ("person", "car", "bicycle", "apple", "orange", "banana", "cup", "traffic light")


def crowd(seed: int) -> Crowd:
    """15 to 60 objects, all over the picture or in a heap in its middle."""
    rng = np.random.default_rng(seed)
    width, height = [(640, 480), (480, 640), (1280, 720), (390, 260)][seed % 4]
    count = int(rng.integers(15, 60))
    side = rng.uniform(0.03, 0.35, (count, 1)) * min(width, height)
    half_wh = side * rng.uniform(0.3, 0.8, (count, 2))
    centre = rng.uniform(0, 1, (count, 2)) * (width, height)
    if seed % 3 == 0:
        centre = rng.normal((width / 2, height / 2), (width / 6, height / 6), (count, 2))
    xyxy = np.hstack([centre - half_wh, centre + half_wh])
    xyxy = np.clip(xyxy, 0, [width, height, width, height])
    names = [CLASSES[number] for number in rng.integers(0, len(CLASSES), count)]
    return (width, height), xyxy, names, rng.uniform(0.3, 1, count)


def count_labels(xyxy: np.ndarray, names: list[str], texts: list[str], picture_wh: Any) -> int:
    """Hold the labels of one picture to what `draw_objects` promises; gives how many there are."""
    labels, legend = lay_out_labels(xyxy, names, texts=texts, font_px=14, picture_wh=picture_wh)
    numbers = {name: line.text.split()[0] for name, line in legend.items()}
    written = [label.xyxy if label else (0, 0, 0, 0) for label in labels]
    bars = np.array([*written, *(line.xyxy for line in legend.values())], float)
    for index, (label, name, text) in enumerate(zip(labels, names, texts, strict=True)):
        if label:
            others = np.delete(xyxy, index, axis=0)
            assert label.text == text or label.text == numbers[name]
            assert largest_cover(bars[[index]], others)[0] <= MAX_COVER + 1e-9
            assert largest_cover(bars[[index]], np.delete(bars, index, axis=0))[0] == 0
    return sum(label is not None for label in labels)


def test_labels_of_200_crowded_pictures_hide_nothing() -> None:
    total = written = 0
    for seed in range(200):
        picture_wh, xyxy, names, confidence = crowd(seed)
        texts = [f"{name} {sure:.2f}" for name, sure in zip(names, confidence, strict=True)]
        total += len(xyxy)
        written += count_labels(xyxy, names, texts, picture_wh)

    assert written / total > 0.98


def test_draw_objects_of_a_crowd_writes_a_legend() -> None:
    image = np.zeros((260, 390, 3), np.uint8)
    xyxy, names = np.array([[150.0, 80, 240, 180]] * 60), [*CLASSES[:6]] * 10
    labels, legend = lay_out_labels(
        xyxy, names, texts=names, font_px=14, picture_wh=image.shape[1::-1]
    )

    drawn = draw_objects(image, xyxy, names, font_px=14)

    assert any(label and label.text.isdigit() for label in labels)
    assert [line.text for line in legend.values()][:2] == ["1 person", "2 car"]
    for name, line in legend.items():
        x, y = line.xyxy[:2]
        assert tuple(drawn[y, x].tolist()) == class_colour(name)[::-1]


@pytest.mark.shared
@pytest.mark.slow
def test_labels_of_real_detections_hide_nothing(shared_photos: Path) -> None:
    nano = load_detector("nano")
    written = 0
    for photo in sorted(shared_photos.rglob("*.jpg"))[::14][:200]:
        image = read_image(photo)
        # So low that there are many, one on the other.
        found = nano.detect(image, confidence=0.01, nms_threshold=0.9)[:30]
        texts = [f"{name} {sure:.2f}" for _, name, sure in found]
        height, width = image.shape[:2]
        corners = np.asarray(found.xyxy, float).clip(0, [width, height] * 2)
        written += count_labels(corners, found.labels, texts, (width, height))

    assert written > 1000
