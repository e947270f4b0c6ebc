"""The parts of the photographs: by digest, with near duplicates on one side."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from training.split import assign, near_pairs, part_of_name, read_parts


def test_part_of_name_follows_from_the_digest() -> None:
    names = ["new/0", "new/1", "new/3"]

    assert [part_of_name(name) for name in names] == ["train", "tune", "test"]


def test_part_of_name_of_new_folders_gives_the_shares() -> None:
    parts = [part_of_name(f"new/{number}") for number in range(4000)]

    assert parts.count("test") / 4000 == pytest.approx(0.24, abs=0.02)
    assert parts.count("tune") / 4000 == pytest.approx(0.12, abs=0.02)


def test_part_of_name_of_the_first_folders_is_never_train() -> None:
    assert {part_of_name(f"fruit/{number}") for number in range(200)} == {"tune", "test"}


def test_assign_keeps_families_together() -> None:
    names = [f"new/{number}" for number in range(100)]

    parts = assign(names, [], [(number, number + 1) for number in range(0, 100, 2)])

    assert all(parts[f"new/{number}"] == parts[f"new/{number + 1}"] for number in range(0, 100, 2))
    assert set(parts.values()) == {"train", "tune", "test"}


def test_assign_with_one_seen_puts_its_whole_family_into_train() -> None:
    names = [f"fruit/{number}" for number in range(30)]

    parts = assign(names, ["fruit/29"], [(number, 29) for number in range(10)])

    assert {parts[f"fruit/{number}"] for number in (*range(10), 29)} == {"train"}


def test_assign_leaves_out_detector_labels_near_judged_photographs() -> None:
    names = ["fruit/1", "fruit-mixed/1", "fruit-mixed/2"]

    parts = assign(names, ["fruit-mixed/2"], [(0, 1)])

    assert (parts["fruit-mixed/1"], parts["fruit-mixed/2"]) == ("unused", "train")
    assert parts["fruit/1"] in {"tune", "test"}


def test_near_pairs_finds_smaller_and_mirrored_copies(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (2, 9, 9, 3)).astype(np.uint8)
    pictures = [cv2.resize(picture, (90, 90)) for picture in coarse]
    pictures += [cv2.resize(pictures[0], (60, 60)), cv2.flip(pictures[1], 1)]
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path, picture in zip(paths, pictures, strict=True):
        cv2.imwrite(str(path), picture)

    assert near_pairs(paths) == [(0, 2), (1, 3)]


@pytest.mark.slow
def test_read_parts_of_the_shared_photographs_judges_enough(root: Path) -> None:
    photos = root.parent / "shared" / "photos"
    if not photos.is_dir():
        pytest.skip("needs ../shared/photos")

    parts = read_parts(photos)

    assert sum(name.startswith("coco") for name, part in parts.items() if part == "test") >= 200
    mixed = {part for name, part in parts.items() if name.startswith("fruit-mixed")}
    assert mixed == {"train", "unused"}
