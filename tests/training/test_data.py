"""Reading folders of labelled photographs."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from training.data import IGNORE, read_crowds, read_folder

CLASSES = ("apple", "car")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "classes.txt").write_text("car\ntruck\nperson\napple\n")
    for name in ("a", "b", "c"):
        cv2.imwrite(str(tmp_path / f"{name}.jpg"), np.full((60, 900, 3), 90, np.uint8))
    (tmp_path / "a.txt").write_text("3 0.5 0.5 0.2 0.4\n2 0.5 0.5 1 1\n")
    (tmp_path / "b.txt").write_text("1 0.5 0.5 0.5 0.5\n")
    return tmp_path


def test_read_folder_with_other_numbers_gives_ours(folder: Path) -> None:
    samples = read_folder(folder, CLASSES)

    np.testing.assert_allclose(samples[0].boxes, [[0, 0.4, 0.3, 0.6, 0.7]], atol=1e-6)


def test_read_folder_with_a_truck_ignores_its_region(folder: Path) -> None:
    assert read_folder(folder, CLASSES)[1].boxes[:, 0].tolist() == [IGNORE]


def test_read_folder_with_large_pictures_shrinks_them(folder: Path) -> None:
    assert read_folder(folder, CLASSES)[0].picture.shape == (30, 448, 3)


def test_read_folder_finds_label_files_in_a_folder_of_their_own(folder: Path) -> None:
    (folder / "labels").mkdir()
    for file in folder.glob("*.txt"):
        file.rename(folder / "labels" / file.name)

    samples = read_folder(folder, CLASSES)

    assert [len(sample.boxes) for sample in samples] == [1, 1, 0]


def test_read_folder_without_label_file_gives_no_boxes(folder: Path) -> None:
    assert read_folder(folder, CLASSES)[2].boxes.shape == (0, 5)


def test_read_folder_with_a_list_leaves_those_out(folder: Path) -> None:
    names = [s.name for s in read_folder(folder, CLASSES, without=[f"{folder.name}/a"])]

    assert names == [f"{folder.name}/b", f"{folder.name}/c"]


def test_read_folder_with_malformed_line_raises(folder: Path) -> None:
    (folder / "a.txt").write_text("3 0.5 0.5\n")

    with pytest.raises(ValueError, match=r"a\.txt` must hold `class .*Received: '3 0.5 0.5'"):
        read_folder(folder, CLASSES)


def test_read_folder_without_classes_raises(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()

    with pytest.raises(ValueError, match=r"needs a classes\.txt"):
        read_folder(tmp_path / "deeper", CLASSES)


def test_read_folder_without_pictures_raises(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("apple\n")

    with pytest.raises(ValueError, match=r"must hold \.jpg or \.png pictures"):
        read_folder(tmp_path, CLASSES)


def test_read_crowds_gives_the_pictures_of_each_list(tmp_path: Path) -> None:
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes" / "crowd.list").write_text('"orange":\n0012.jpg,\n0034.jpg\n{"car": 1}\n')

    assert read_crowds(tmp_path) == {"scenes/0012", "scenes/0034"}
