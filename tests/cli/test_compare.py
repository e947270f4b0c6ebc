"""`detectlab compare`, run as a person runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from testing import pixels_of

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command without the settings of this machine."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DETECTLAB_")}
    settings = {"DETECTLAB_HOME": str(tmp_path / "home"), "DETECTLAB_OFFLINE": "1"}

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "detectlab", "compare", *map(str, arguments)],
            cwd=tmp_path,
            env={**kept, **settings},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_compare_prints_a_table_and_saves_plot_and_drawings(
    run: Run, root: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    pictures = [root / "images" / f"{name}.jpg" for name in ("oranges", "none")]

    done = run(*pictures, "--models", "nano@224,nano")

    assert done.returncode == 0, done.stderr
    title, head, *rows = done.stdout.splitlines()
    assert title == "AP50 over orange: 3 objects in 2 pictures"
    assert head.split()[:4] == ["detector", "input", "classes", "AP50"]
    *measured, calibrated = rows
    assert [line.split()[:3] for line in measured] == [
        ["nano@224", "224", "5"],
        ["nano", "320", "5"],
    ]
    assert calibrated.startswith("nano in int8 keeps ")
    assert "100%" in done.stderr
    folder = tmp_path / "images_with_boxes" / "compare"
    saved = sorted(file.name for file in folder.iterdir())
    assert len(saved) == 3
    assert {name.partition("-")[2] for name in saved} == {
        "oranges.jpg",
        "none.jpg",
        "and-found.png",
    }
    assert pixels_of(folder / "time-and-found.png").shape[1] > 600


def test_compare_as_json_saves_only_where_it_is_told(run: Run, root: Path, tmp_path: Path) -> None:
    picture = root / "images" / "apple.jpg"

    told = run(picture, "--json", "--out", tmp_path / "out")
    untold = run(picture, "--json", "--labels", root / "images" / "labels")

    # Without --models: all that are here.
    (detector,) = json.loads(told.stdout)["detectors"]
    assert (detector["name"], detector["score"]) == ("nano", 1.0)
    assert detector["time_ms"]["p10"] <= detector["time_ms"]["p50"] <= detector["time_ms"]["p90"]
    assert [file.name for file in (tmp_path / "out").glob("*.jpg")] == ["01-apple.jpg"]
    assert json.loads(untold.stdout)["measure"] == "AP50"
    assert not (tmp_path / "images_with_boxes").exists()


def test_compare_without_matplotlib_says_how_to_get_the_plot(
    run: Run, root: Path, tmp_path: Path
) -> None:
    # A module of that name that cannot be imported comes first on the path.
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not here')")

    done = run(root / "images" / "apple.jpg", "--models", "nano")

    assert done.returncode == 0, done.stderr
    assert "AP50 over apple" in done.stdout
    assert "No plot: the plot needs Matplotlib: pip install 'detectlab[lab]'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--models", "micro"], "`model` must be one of nano,", id="unknown"),
        pytest.param(["--models", "nano@5"], "a multiple of 32 up to 2048", id="size"),
        pytest.param(["--models", ","], "must name at least one detector", id="none"),
        pytest.param(["--models", "yolov3"], "yolov3.cfg could not be fetched", id="not-here"),
        pytest.param(["--labels", "nowhere"], "must be a folder of label files", id="labels"),
    ],
)
def test_compare_with_a_wrong_argument_ends_in_a_sentence(
    run: Run, root: Path, arguments: list[str], message: str
) -> None:
    done = run(root / "images" / "apple.jpg", *arguments)

    assert done.returncode == 1
    assert done.stderr.startswith("detectlab: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_compare_of_a_folder_without_pictures_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    done = run("empty")

    assert done.returncode == 1
    assert "The folder empty contains no pictures." in done.stderr
