"""The course without solutions: they are gone, exercises and checks are in place, and it runs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def released(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    command = [sys.executable, str(root / "tools" / "release_course.py"), "--to", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "server.ipynb" in done.stdout
    return folder


def cells(notebook: Path, tag: str) -> list[str]:
    content = json.loads(notebook.read_text("utf-8"))
    return [
        "".join(cell["source"])
        for cell in content["cells"]
        if tag in cell["metadata"].get("tags", [])
    ]


def notebooks(root: Path) -> list[Path]:
    return sorted([*root.glob("notebooks/*.ipynb"), *root.glob("client/*.ipynb")])


def test_release_has_each_notebook_with_its_exercises_and_checks(
    root: Path, released: Path
) -> None:
    for original in notebooks(root):
        copy = released / original.relative_to(root)
        for tag in ("exercise", "check"):
            assert cells(copy, tag) == cells(original, tag)
            assert cells(copy, tag)


def test_release_has_no_solution_and_no_output(root: Path, released: Path) -> None:
    texts = {
        path: path.read_text("utf-8")
        for path in released.rglob("*.*")
        if path.suffix in {".ipynb", ".py", ".md"}
    }
    for original in notebooks(root):
        for solution in cells(original, "solution"):
            code = re.search(r"```python\n(.*?)```", solution, re.DOTALL)
            assert code
            exercise = "\n".join(cells(original, "exercise"))
            told = [line for line in code[1].splitlines() if line.strip() and line not in exercise]
            assert told
            for path, text in texts.items():
                as_json = (json.dumps(line, ensure_ascii=False)[1:-1] for line in told)
                kept = [line for line in as_json if len(line.strip()) > 25 and line in text]
                assert len(kept) < max(2, len(told) / 2), (path, kept)
    for copy in notebooks(released):
        content = json.loads(copy.read_text("utf-8"))
        assert not any(cell.get("outputs") for cell in content["cells"])
        assert "<summary>Solution" not in copy.read_text("utf-8")


def test_solution_without_its_tag_stops_the_release(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(root / "tools")
    from release_course import released as without_solutions

    cell = {"cell_type": "markdown", "metadata": {}, "id": "x", "source": ["<summary>Solution"]}
    with pytest.raises(ValueError, match="cell x has a solution, and not the tag"):
        without_solutions({"cells": [cell]})


def test_pictures_of_the_release_are_where_the_notebooks_look(root: Path, released: Path) -> None:
    assert (released / "notebooks" / ".." / "images" / "apple.jpg").is_file()
    assert (released / "images" / "labels" / "classes.txt").is_file()
