"""The figures of the model card: crowds, copies that are found again, and the whole table."""

import cv2
import numpy as np
import pytest
from training.data import Sample
from training.evaluate import Photos, found_again, measure, print_table, rotated
from training.measure import Figure
from training.thresholds import print_rows, table

BOX = [0.25, 0.25, 0.75, 0.75]


def disc(name: str, label: int, centre: tuple[int, int] = (60, 40)) -> Sample:
    picture = np.full((80, 120, 3), 30, np.uint8)
    cv2.circle(picture, centre, 15, (255, 255, 255), -1)
    (x, y), (w, h) = centre, (120, 80)
    box = [label, (x - 15) / w, (y - 15) / h, (x + 15) / w, (y + 15) / h]
    return Sample(name, picture, np.array([box], dtype=np.float32))


def detect(label: int, picture: np.ndarray) -> np.ndarray:
    """Finds the brightest thing, wherever it is."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    if grey.max() < 100:
        return np.empty((0, 6), np.float32)
    x, y, w, h = cv2.boundingRect((grey > grey.max() * 0.8).astype(np.uint8))
    height, width = grey.shape
    corners = [x / width, y / height, (x + w) / width, (y + h) / height]
    return np.array([[label, 0.9, *corners]], dtype=np.float32)


def test_rotated_moves_points_along_with_the_picture() -> None:
    sample = disc("a", 0, centre=(30, 20))

    copy, move = rotated(sample.picture, 8)

    x, y = move @ (30 / 120, 20 / 80, 1)
    assert copy[round(y * 80), round(x * 120)].min() == 255
    assert abs(x - 30 / 120) > 0.01


def test_found_again_of_a_detector_that_sees_every_copy_is_one() -> None:
    samples = [disc("a", 3), disc("b", 3, centre=(40, 30))]

    figure = found_again(lambda picture: detect(3, picture), samples)

    assert (figure.value, figure.objects) == (1.0, 8)


def test_found_again_of_a_detector_that_needs_light_misses_the_dark_copy() -> None:
    def needs_light(picture: np.ndarray) -> np.ndarray:
        return detect(3, picture) if picture.max() > 200 else np.empty((0, 6), np.float32)

    assert found_again(needs_light, [disc("a", 3)]).value == pytest.approx(3 / 4)


def test_found_again_with_less_confidence_counts_what_a_copy_makes_less_sure() -> None:
    def doubts_the_dark(picture: np.ndarray) -> np.ndarray:
        found = detect(3, picture)
        found[:, 1] = 0.9 if picture.max() > 200 else 0.4
        return found

    assert found_again(doubts_the_dark, [disc("a", 3)]).value == pytest.approx(3 / 4)
    assert found_again(doubts_the_dark, [disc("a", 3)], 0.3).value == 1.0


def test_measure_gives_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    fruit = [disc(f"fruit/{label}", label) for label in range(3)]
    empty = [Sample("coco/e", np.full((40, 40, 3), 255, np.uint8), np.empty((0, 5), np.float32))]
    photos = Photos(fruit, [disc("clock/1", 3)], [disc("vehicles/1", 4)], fruit, empty, frozenset())

    figures = measure(lambda picture: detect(3, picture), photos)
    print_table({"nano": figures})

    assert figures["clocks"] == Figure(1.0, 1.0, 1.0, 1)
    assert (figures["cars"].value, figures["fruit"].value) == (0.0, 0.0)
    assert figures["false alarms"] == Figure(1.0, 1.0, 1.0, 1)
    assert np.isnan(figures["small cars"].value)
    assert "clocks" in capsys.readouterr().out


def test_thresholds_trade_what_is_found_for_false_alarms(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def unsure(picture: np.ndarray) -> np.ndarray:
        """Finds a right clock with 0.9 and, beside it or without it, a wrong one with 0.4."""
        wrong = np.array([[3, 0.4, 0, 0, 0.1, 0.1]], np.float32)
        return np.concatenate([detect(3, picture), wrong])

    empty = [Sample("coco/e", np.zeros((40, 40, 3), np.uint8), np.empty((0, 5), np.float32))]
    clocks = [disc("clock/1", 3), disc("clock/2", 3, centre=(40, 30))]
    photos = Photos(clocks, clocks, clocks, [], empty, frozenset())

    low, high, none = table(unsure, photos, (0.2, 0.5, 0.95))
    print_rows([low, high, none])

    assert (low.found["clocks"], low.right["clocks"], low.alarms) == (1.0, 0.5, 1.0)
    assert (high.found["clocks"], high.right["clocks"], high.alarms) == (1.0, 1.0, 0.0)
    assert (none.found["clocks"], none.alarms) == (0.0, 0.0)
    assert np.isnan(none.right["clocks"])
    assert "1.00, 0.50" in capsys.readouterr().out.splitlines()[1]
