"""A whole training, on a handful of pictures: stopped, continued, exported. It needs torch."""

import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install '.[train]'")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red discs on grey: apples, as far as this test is concerned."""
    folder = tmp_path_factory.mktemp("photographs")
    (folder / "classes.txt").write_text("apple\n")
    rng = np.random.default_rng(1)
    for number in range(6):
        picture = np.full((96, 128, 3), 120, np.uint8)
        x, y = rng.integers(40, 80), rng.integers(40, 56)
        cv2.circle(picture, (int(x), int(y)), 20, (30, 30, 200), -1)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        line = f"0 {x / 128} {y / 96} {40 / 128} {40 / 96}\n"
        (folder / f"{number}.txt").write_text(line if number else "")
    (folder / "heldout").write_text(f"{folder.name}/4\n{folder.name}/5\n")
    return folder


def run(root: Path, module: str, *options: object) -> str:
    command = [sys.executable, "-m", f"training.{module}", *map(str, options)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_training_stopped_and_continued_exports_a_detector(
    root: Path, photographs: Path, tmp_path: Path
) -> None:
    options = ["--data", photographs, "--heldout", photographs / "heldout", "--out", tmp_path]
    options += ["--sprites", 1, "--batch", 2, "--workers", 0, "--threads", 1, "--every", 0.01]

    run(root, "train", *options, "--minutes", 0.02)
    first = torch.load(tmp_path / "checkpoint.pt")
    run(root, "train", *options, "--minutes", 0.05)
    second = torch.load(tmp_path / "checkpoint.pt")
    run(root, "export", "--run", tmp_path, "--out", tmp_path)

    assert 0 < first["step"] < second["step"]
    assert second["cfg"] == first["cfg"]
    steps = [[entry["step"] for entry in state["history"]] for state in (first, second)]
    assert steps[1][: len(steps[0])] == steps[0]
    assert {path.name for path in tmp_path.glob("*.*")} >= {
        "history.png",
        "grid.png",
        "nano.cfg",
        "nano.weights",
        "nano.names",
    }


def test_a_step_that_was_held_up_does_not_use_up_the_training(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training import train as module
    from training.anchors import find_anchors
    from training.augment import Composer
    from training.data import read_folder
    from training.network import make_cfg

    composer = Composer([read_folder(photographs, ("apple",))], [1.0], [], [])
    run = module.new_run(make_cfg(5, find_anchors(composer, 1)), torch.device("cpu"))
    options = Namespace(minutes=1, every=9, batch=1, seed=1, workers=0, rate=1e-3, half=False)
    options.out = tmp_path
    hours = iter(range(0, 10**6, 3600))
    monkeypatch.setattr(module, "time", Namespace(perf_counter=lambda: next(hours)))

    module.train(run, composer, [], options)

    assert (run.step, run.seconds) == (2, 60.0)
