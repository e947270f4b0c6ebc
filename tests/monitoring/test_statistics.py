"""Statistics of pictures and answers, their bins, sketches of them, and the drills."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detectlab.monitoring.drills import DRILLS, drilled_pictures
from detectlab.monitoring.sketch import Sketch
from detectlab.monitoring.statistics import (
    BINS,
    COUNT,
    HUES,
    NAMES,
    NO_VALUE,
    STATISTICS,
    Floats,
    Indices,
    answer_statistics,
    bins_of,
    picture_statistics,
)
from detectlab.vision.detections import Detections
from detectlab.vision.images import read_image, thumbnail


def value(values: Floats, name: str) -> float:
    return float(values[NAMES.index(name)])


def test_statistics_of_a_grey_picture_are_those_of_grey() -> None:
    found = picture_statistics(np.full((90, 120, 3), 100, np.uint8), (640, 480), 5000)

    assert [value(found, name) for name in ("side", "shape", "bytes")] == [640, 4 / 3, 5000]
    assert value(found, "brightness") == pytest.approx(100, abs=1)
    assert [value(found, name) for name in ("contrast", "sharpness", "colourfulness")] == [0, 0, 0]
    assert value(found, "warmth") == value(found, "tint") == 0
    assert np.isnan(value(found, "objects"))


@pytest.mark.parametrize(
    ("drill", "name", "direction"),
    [
        pytest.param("fog", "contrast", -1, id="fog"),
        pytest.param("night", "brightness", -1, id="night"),
        pytest.param("blur", "sharpness", -1, id="blur"),
        pytest.param("camera", "warmth", 1, id="camera"),
        pytest.param("new-fruit", "warmth", -1, id="new fruit"),
    ],
)
def test_drill_moves_the_statistic_that_it_is_about(
    root: Path, drill: str, name: str, direction: int
) -> None:
    pixels = read_image(root / "images" / "fruits.jpg")
    changed = DRILLS[drill](pixels, np.random.default_rng(0))

    before, after = (
        value(picture_statistics(thumbnail(one), (1, 1), 300), name) for one in (pixels, changed)
    )

    assert direction * (after - before) > 0.1 * abs(before)


def test_drill_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be one of none, fog, night.*Received: 'rain'"):
        next(drilled_pictures([], "rain", count=1))


def test_answer_without_objects_has_a_count_and_nothing_else() -> None:
    found = answer_statistics(Detections.empty(("apple",)), (10, 10))

    assert value(found, "objects") == 0
    assert np.isnan(np.delete(found, NAMES.index("objects"))).all()


def test_answer_is_described_by_its_objects() -> None:
    boxes = np.array([[0, 0, 50, 50], [0, 0, 20, 20]], np.float32)
    answer = Detections(
        boxes, np.array([0.9, 0.5], np.float32), np.array([1, 0]), ("apple", "orange")
    )

    found = answer_statistics(answer, (100, 100))

    assert value(found, "objects") == 2
    assert value(found, "confidence") == pytest.approx(0.7)
    assert value(found, "top_confidence") == pytest.approx(0.9)
    assert value(found, "box_size") == pytest.approx(0.35)
    assert value(found, "first_class") == 1


@pytest.mark.parametrize("row", range(COUNT), ids=NAMES)
def test_bin_holds_the_value_that_it_stands_for(row: int) -> None:
    for index in (0, 1, BINS // 2, BINS - 1):
        values = np.full(COUNT, np.nan)
        values[row] = STATISTICS[row].value_at(index)
        assert bins_of(values)[row] == index


def test_values_out_of_range_fall_into_the_outermost_bins() -> None:
    assert (bins_of(np.full(COUNT, -1e9)) == 0).all()
    assert (bins_of(np.full(COUNT, 1e9)) == BINS - 1).all()
    assert (bins_of(np.full(COUNT, np.nan)) == NO_VALUE).all()


def test_sum_of_two_sketches_is_the_sketch_of_both(usual_bins: Callable[..., Indices]) -> None:
    rng = np.random.default_rng(0)
    pictures = [usual_bins(rng) for _ in range(50)]
    one_by_one = Sketch()
    for bins in pictures:
        one_by_one.add(bins)

    both = Sketch.of_pictures(pictures[:20]) + Sketch.of_pictures(pictures[20:])

    assert both.pictures == one_by_one.pictures == 50
    assert (both.counts == one_by_one.counts).all()
    assert (Sketch.of_json(both.as_json()).counts == both.counts).all()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({}, id="empty"),
        pytest.param({"pictures": 1, "counts": {"objects": {"999": 1}}}, id="bin"),
        pytest.param({"pictures": 1, "counts": {"objects": {"1": -1}}}, id="negative"),
        pytest.param({"pictures": 1, "counts": {"objects": {"1": 10**18}}}, id="huge"),
        pytest.param({"pictures": 1, "counts": 3}, id="kind"),
    ],
)
def test_other_data_are_no_sketch(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"This is no sketch of statistics\."):
        Sketch.of_json(data)


def test_thumbnail_has_at_most_160_pixels_a_side() -> None:
    for size_wh in ((1, 1), (160, 90), (161, 5), (4000, 3000)):
        height, width = thumbnail(np.zeros((size_wh[1], size_wh[0], 3), np.uint8)).shape[:2]
        assert 1 <= max(width, height) <= 160


@pytest.mark.parametrize(
    ("bgr", "colour"),
    [((20, 20, 250), "red"), ((240, 40, 130), "violet"), ((20, 230, 30), "green")],
)
def test_strongest_colour_is_that_of_most_saturation(
    bgr: tuple[int, int, int], colour: str
) -> None:
    pixels = np.full((60, 80, 3), 90, np.uint8)
    pixels[:20], pixels[20:25] = bgr, (220, 90, 90)

    found = picture_statistics(pixels, (80, 60), 900)

    assert HUES[int(value(found, "hue"))] == colour
    grey = picture_statistics(np.full_like(pixels, 90), (80, 60), 900)
    assert np.isnan(value(grey, "hue"))
    assert value(grey, "darkest") == value(grey, "brightest") == 90


def test_extremes_are_those_of_two_per_cent() -> None:
    pixels = np.full((50, 100, 3), 100, np.uint8)
    pixels[:3], pixels[-3:] = 10, 200  # 6 % each

    found = picture_statistics(pixels, (100, 50), 900)

    assert (value(found, "darkest"), value(found, "brightest")) == (10, 200)
