"""Labels completed by detectors that vote."""

from pathlib import Path

import numpy as np
import pytest
from training.data import IGNORE, Sample, read_folder
from training.label import completed, label_sample, write_labels
from training.teachers import strongest, yolox_boxes

APPLE, CLOCK = [1.0, 0, 0, 0, 0], [0, 0, 0, 1.0, 0]
HERE, THERE = [0.1, 0.1, 0.4, 0.4], [0.6, 0.6, 0.9, 0.9]
NOTHING = np.empty((0, 5), np.float32)


def vote(box: list[float], scores: list[float], score: float) -> np.ndarray:
    return np.array([[*box, *(np.array(scores) * score)]], dtype=np.float32)


def test_completed_with_votes_that_agree_adds_an_object() -> None:
    boxes = completed(NOTHING, [vote(HERE, APPLE, 0.8), vote(HERE, APPLE, 0.6)], frozenset())

    np.testing.assert_allclose(boxes, [[0, *HERE]], atol=1e-6)


def test_completed_with_votes_that_disagree_adds_a_region_to_ignore() -> None:
    boxes = completed(NOTHING, [vote(HERE, APPLE, 0.7), vote(HERE, CLOCK, 0.6)], frozenset())

    assert boxes[:, 0].tolist() == [IGNORE]


def test_completed_with_one_weak_vote_adds_nothing() -> None:
    empty = np.empty((0, 9), np.float32)

    assert len(completed(NOTHING, [vote(HERE, APPLE, 0.2), empty], frozenset())) == 0


def test_completed_keeps_what_people_drew_and_ignores_what_they_overlooked() -> None:
    drawn = np.array([[0, *HERE]], dtype=np.float32)
    found = [np.concatenate([vote(HERE, CLOCK, 0.9), vote(THERE, APPLE, 0.9)])]

    boxes = completed(drawn, found, frozenset({"apple"}))

    np.testing.assert_allclose(boxes, [[0, *HERE], [IGNORE, *THERE]], atol=1e-6)


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        pytest.param("clock", [0.0], id="another class in a folder of clocks is added"),
        pytest.param("fruit", [IGNORE], id="fruit that people did not label is ignored"),
        pytest.param("coco-more", [IGNORE], id="a scene is labelled for all classes"),
    ],
)
def test_label_sample_knows_what_people_labelled(folder: str, expected: list[float]) -> None:
    sample = Sample(f"{folder}/1", np.zeros((20, 20, 3), np.uint8), NOTHING)

    boxes = label_sample(sample, [lambda _: vote(HERE, APPLE, 0.8)])

    assert boxes[:, 0].tolist() == expected


def test_label_sample_in_fruit_mixed_takes_its_label_for_one_vote() -> None:
    boxes = np.array([[0, *HERE]], dtype=np.float32)
    sample = Sample("fruit-mixed/1", np.zeros((20, 20, 3), np.uint8), boxes)
    orange = [0, 1.0, 0, 0, 0]

    agreed = label_sample(sample, [lambda _: vote(HERE, APPLE, 0.5)])
    doubted = label_sample(sample, [lambda _: vote(HERE, orange, 0.6)])

    assert agreed[:, 0].tolist() == [0]
    assert doubted[:, 0].tolist() == [IGNORE]


def test_write_labels_gives_what_read_folder_reads(tmp_path: Path) -> None:
    import cv2

    boxes = np.array([[0, *HERE], [IGNORE, *THERE]], dtype=np.float32)
    (tmp_path / "classes.txt").write_text("apple\n")
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((20, 20, 3), np.uint8))

    write_labels(boxes, tmp_path / "a.txt")

    np.testing.assert_allclose(read_folder(tmp_path, ["apple"])[0].boxes, boxes, atol=1e-4)


def test_strongest_keeps_one_vote_an_object() -> None:
    votes = np.concatenate(
        [vote(HERE, APPLE, 0.5), vote(HERE, CLOCK, 0.7), vote(THERE, APPLE, 0.05)]
    )

    kept = strongest(votes)

    np.testing.assert_allclose(kept, vote(HERE, CLOCK, 0.7), atol=1e-6)


def test_yolox_boxes_of_zeros_are_one_cell_wide() -> None:
    boxes = yolox_boxes(np.zeros((16 + 4 + 1, 6), np.float32), 32)

    np.testing.assert_allclose(boxes[1], [4, -4, 12, 4])
    np.testing.assert_allclose(boxes[-1], [-16, -16, 16, 16])
