"""The candidate from corrected pictures: what is held out, judged and refused."""

import argparse
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

from training import finetune
from training.candidate_card import describe
from training.data import Sample
from training.finetune import Change, compare, split, verdict


def sample(seed: int) -> Sample:
    picture = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    return Sample(f"a/{seed}", picture, np.empty((0, 5), np.float32))


def test_every_picture_is_learnt_from_or_judged_on_and_copies_stay_together() -> None:
    samples = [sample(seed % 100) for seed in range(200)]

    learnt, judged = split(samples)

    assert len(learnt) + len(judged) == 200
    assert 10 <= len(judged) <= 80
    assert not {one.name for one in learnt} & {one.name for one in judged}


def test_known_pictures_are_shown_in_the_light_of_corrected_ones() -> None:
    dark = [replace(sample(1), picture=sample(1).picture // 5)]
    known = [replace(sample(seed), boxes=np.ones((1, 5), np.float32)) for seed in range(3)]

    shown = finetune.relit(known, dark)

    assert [one.name for one in shown] == [one.name for one in known]
    assert all((one.boxes == 1).all() and one.picture.mean() < 40 for one in shown)
    assert known[0].picture.mean() > 100


def test_pictures_of_the_repository_can_be_what_was_known(root: Path) -> None:
    learnt, judged = split(finetune.read([root / "images"]))

    assert len(learnt) + len(judged) == len(list((root / "images").glob("*.jpg")))
    assert sum(len(one.boxes) for one in judged) > 0


def test_better_detector_has_an_interval_above_zero() -> None:
    box = np.array([[0, 0.1, 0.1, 0.5, 0.5]], np.float32)
    right = np.array([[0, 0.9, 0.1, 0.1, 0.5, 0.5]], np.float32)
    nothing = np.empty((0, 6), np.float32)
    truth = [box] * 40

    change = compare([right, nothing] * 20, [right] * 40, truth)

    assert (change.before, change.after) == pytest.approx((0.5, 1.0))
    assert 0.3 < change.low < 0.5 < change.high < 0.7
    same = compare([right] * 40, [right] * 40, truth)
    assert (same.low, same.high) == (0, 0)


@pytest.mark.parametrize(
    ("corrected", "known", "words"),
    [
        pytest.param((0.3, 0.5, 0.1), (0.6, 0.59, -0.02), "has not forgotten", id="better"),
        pytest.param((0.3, 0.5, 0.1), (0.6, 0.57, -0.04), "It forgets", id="forgets"),
        pytest.param((0.3, 0.35, -0.1), (0.6, 0.6, -0.01), "not certainly better", id="unsure"),
    ],
)
def test_verdict_says_whether_to_go_on(
    corrected: tuple[float, float, float], known: tuple[float, float, float], words: str
) -> None:
    first, second = (
        Change(10, 10, before, after, low, after - before + 0.1)
        for before, after, low in (corrected, known)
    )

    assert words in verdict(first, second)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("0 0.5 0.5 1.4 0.2", "a.txt, line 1, must hold `class x_centre", id="outside"),
        pytest.param("7 0.5 0.5 0.2 0.2", "contains the class 7; classes.txt", id="class"),
        pytest.param("", "0 corrected pictures to learn from|1 corrected", id="few"),
    ],
)
def test_labels_that_cannot_be_are_refused_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
    words: str,
) -> None:
    (tmp_path / "classes.txt").write_text("apple\n")
    cv2.imwrite(str(tmp_path / "a.jpg"), sample(1).picture)
    (tmp_path / "a.txt").write_text(line)
    folders = ["--corrected", str(tmp_path), "--known", str(tmp_path)]
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["finetune", *folders, "--out", str(out)])

    assert finetune.main() == 1

    assert re.search(words, capsys.readouterr().err)
    assert not out.exists()


def test_candidate_is_written_with_all_that_the_next_command_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg, network = finetune.read_network(finetune.ASSETS)
    boxes = np.array([[0, 0.1, 0.1, 0.9, 0.9]], np.float32)
    judged = [Sample("a/1", np.full((64, 64, 3), 90, np.uint8), boxes)]
    options = argparse.Namespace(
        out=tmp_path,
        name="mine",
        start=finetune.ASSETS,
        minutes=1.0,
        seed=42,
        corrected=[Path("to-label")],
    )

    assert finetune.finish(options, cfg, (network.eval(),) * 2, (judged, judged), 1.0, 40) == 0

    said = capsys.readouterr().out
    (command,) = re.findall(r"^Next: detectlab models add mine (.*)$", said, re.MULTILINE)
    cfg_file, weights, flag, names = command.split()
    assert flag == "--labels"
    assert "Then: detectlab compare to-label --models nano,mine\n" in said
    assert all(Path(file).is_file() for file in (cfg_file, weights, names))
    card = json.loads((tmp_path / "card.json").read_text())
    assert describe(card) in said
    assert "not certainly better" in card["verdict"]
