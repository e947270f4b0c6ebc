"""What a learner has solved is counted in a notebook's kernel, and shown."""

import json
import re
import sys
from types import ModuleType

import nbformat
import pytest
from typer.testing import CliRunner

from detectlab.cli.main import app
from detectlab.course.progress import EXERCISES
from detectlab.course.server_checks import check_box_area


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DETECTLAB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def in_kernel(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    return home


def shown(*options):
    result = CliRunner().invoke(app, ["progress", *options])
    assert result.exit_code == 0, result.output
    return result.output


def entry():
    return next(one for one in json.loads(shown("--json")) if one["exercise"] == "box_area")


def test_progress_counts_tries_and_keeps_the_first_success(in_kernel, capsys):
    check_box_area(lambda box: 1)
    assert entry() == {"notebook": "server", "exercise": "box_area", "tries": 1, "solved": None}

    check_box_area(lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    solved = entry()["solved"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", solved)

    check_box_area(lambda box: 1)
    assert entry() | {"notebook": ""} == {
        "notebook": "",
        "exercise": "box_area",
        "tries": 3,
        "solved": solved,
    }
    assert shown().endswith(f"1 of {sum(map(len, EXERCISES.values()))} exercises are solved.\n")


def test_progress_outside_a_kernel_is_not_written(home, monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)

    check_box_area(lambda box: 1)

    assert not home.exists()


@pytest.mark.parametrize("content", ["", "[]", '{"check_box_area": 3}', "\x00"])
def test_progress_that_cannot_be_read_begins_anew(in_kernel, capsys, content):
    in_kernel.mkdir()
    (in_kernel / "progress.json").write_text(content)
    assert entry()["tries"] == 0

    check_box_area(lambda box: 1)

    assert entry()["tries"] == 1


def test_progress_without_a_place_to_write_does_not_disturb_the_check(in_kernel, capsys):
    in_kernel.write_text("a file where the folder should be")

    check_box_area(lambda box: 1)

    assert capsys.readouterr().out.startswith("Not yet: ")


def test_progress_knows_the_exercises_of_all_notebooks(root):
    found = [*root.glob("notebooks/*.ipynb"), *root.glob("client/*.ipynb")]
    names = {path.stem: path for path in found if not path.stem.endswith(".fr")}
    asked = {
        name: tuple(
            re.search(r"^check_(\w+)\(", cell.source, re.MULTILINE)[1]
            for cell in nbformat.read(path, as_version=4).cells
            if "check" in cell.metadata.get("tags", [])
        )
        for name, path in names.items()
    }

    assert asked == EXERCISES, "add the notebook to EXERCISES in detectlab/course/progress.py"
