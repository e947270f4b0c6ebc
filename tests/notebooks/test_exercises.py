"""Every exercise: its solution passes its check, and the cell as it stands does not."""

import re

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = [
    pytest.param("notebooks/server.ipynb", id="server"),
    pytest.param("notebooks/package.ipynb", id="package"),
    pytest.param("notebooks/app.ipynb", id="app"),
    pytest.param("notebooks/compare.ipynb", id="compare"),
    pytest.param("notebooks/rollout.ipynb", id="rollout"),
    pytest.param("notebooks/monitor.ipynb", id="monitor"),
    pytest.param("notebooks/scale.ipynb", id="scale"),
    pytest.param("client/client.ipynb", id="client"),
]


def verdicts(notebook):
    """What each check said: the first words that it printed."""
    return [
        "".join(output.get("text", "") for output in cell.outputs)
        for cell in notebook.cells
        if "check" in cell.metadata.get("tags", [])
    ]


def is_needed(cell, notebook):
    """Whether the exercises need a cell."""
    tags = set(cell.metadata.get("tags", []))
    if notebook == "scale":  # no cluster: tests/scale runs all of it
        return bool(tags & {"exercise", "check"})
    # Demonstrations whose outcome is chance take long and define nothing.
    return "varies" not in cell.metadata or "live-output" in tags


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_exercises_as_they_stand_are_not_yet_right(root, name):
    # What is stored is what comes: test_notebooks.py compares it.
    said = verdicts(nbformat.read(root / name, as_version=4))

    assert len(said) >= 2
    assert [verdict for verdict in said if not verdict.startswith("Not yet: ")] == []


@pytest.mark.slow
@pytest.mark.timeout(900)  # a minute of computing, shared with whatever else runs
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_exercises_with_their_solutions_are_correct(root, name, runner, fresh_copy):
    path = root / name
    notebook = nbformat.read(path, as_version=4)
    exercises = [c for c in notebook.cells if "exercise" in c.metadata.get("tags", [])]
    solutions = [c for c in notebook.cells if "solution" in c.metadata.get("tags", [])]
    for exercise, solution in zip(exercises, solutions, strict=True):
        exercise.source = re.findall(r"```python\n(.*?)```", solution.source, re.DOTALL)[0]
    notebook.cells = [cell for cell in notebook.cells if is_needed(cell, path.stem)]

    with runner.server_for(path):
        NotebookClient(
            notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}
        ).execute()

    said = verdicts(notebook)
    assert len(said) == len(exercises)
    assert [verdict for verdict in said if not verdict.startswith("Correct. ")] == []
