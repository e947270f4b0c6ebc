"""What training pictures are made of."""

import argparse
from pathlib import Path

import cv2
import numpy as np
import pytest
from training.data import Sample
from training.sources import HARD_COPIES, Sources, add_arguments, make_composer
from training.sprites import dial_sprites


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    (tmp_path / "classes.txt").write_text("clock\n")
    for folder in ("clocks", "coco"):
        (tmp_path / folder).mkdir()
        for number in range(3):
            path = tmp_path / folder / f"{number}.jpg"
            cv2.imwrite(str(path), np.full((100, 120, 3), 90, np.uint8))
    (tmp_path / "clocks" / "0.txt").write_text("0 0.5 0.5 0.5 0.6\n")
    (tmp_path / "hard.txt").write_text("coco/1\n")
    return tmp_path


def test_make_composer_sorts_photographs_and_repeats_hard_ones(folders: Path) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    data = [str(folders / "clocks"), str(folders / "coco")]
    options = parser.parse_args(
        ["--data", *data, "--empty", "0.25", "--sprites", "1", "--hard", str(folders / "hard.txt")]
    )
    options.out, options.seed = folders, 1

    composer, heldout = make_composer(options)

    clocks, empty = composer.groups
    assert [sample.name for sample in clocks] == ["clocks/0"]
    names = [sample.name for sample in empty]
    assert (names.count("coco/1"), names.count("coco/2")) == (HARD_COPIES, 1)
    assert composer.shares == pytest.approx([0.75, 0.25])
    assert [sample.name for sample in composer.backdrops] == [f"coco/{n}" for n in range(3)]
    assert heldout == []


def test_sources_without_objects_are_drawn_from_alone() -> None:
    sources = Sources()
    empty = Sample("coco/1", np.zeros((8, 8, 3), np.uint8), np.empty((0, 5), np.float32))

    sources.add([empty], 1.0, set(), scenes=True)
    sources.add_empty(0.25)

    assert sources.shares == [1.0]


def test_dial_sprites_cuts_round_clocks_only() -> None:
    boxes = [[3, 0.25, 0.2, 0.75, 0.8], [3, 0.0, 0.0, 1.0, 0.5], [0, 0.25, 0.2, 0.75, 0.8]]
    sample = Sample("a", np.full((100, 120, 3), 90, np.uint8), np.array(boxes, dtype=np.float32))

    sprites = dial_sprites([sample], copies=2)

    assert [label for label, _ in sprites] == [3, 3]
    opacity = sprites[0][1][..., 3]
    assert opacity.shape == (60, 60)
    assert (opacity[30, 30], opacity[1, 1]) == (255, 0)
