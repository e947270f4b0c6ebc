"""Notebooks are short, explained and small, and hold nothing about their author's machine."""

import base64
import getpass
import re
import statistics
import sys
from importlib.util import module_from_spec, spec_from_file_location

import nbformat
import pytest
from testing import pixels_of

TAGS = {
    "check",
    "exercise",
    "live-output",
    "nbval-ignore-output",
    "serve",
    "serve-package",
    "solution",
    "stop",
}
FENCED = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
PRIVATE = {
    "an absolute path": r"(?<![\w.:/])/(?:home|root|tmp|usr|var|opt|mnt|work|Users|private)/\w",
    "a Windows path": r"[A-Z]:\\\\?\w",
    "an address with a port": r"(?:127\.0\.0\.1|localhost|0\.0\.0\.0)|://[^/\s]+:\d+",
    "a token": r"(?i)token=|\b[0-9a-f]{32,}\b",
}


@pytest.fixture(
    params=[
        pytest.param("notebooks/server.ipynb", id="server"),
        pytest.param("notebooks/package.ipynb", id="package"),
        pytest.param("notebooks/app.ipynb", id="app"),
        pytest.param("notebooks/compare.ipynb", id="compare"),
        pytest.param("notebooks/rollout.ipynb", id="rollout"),
        pytest.param("notebooks/monitor.ipynb", id="monitor"),
        pytest.param("notebooks/scale.ipynb", id="scale"),
        pytest.param("client/client.ipynb", id="client"),
    ]
)
def path(root, request):
    return root / request.param


@pytest.fixture
def cells(path):
    return nbformat.read(path, as_version=4).cells


@pytest.fixture
def code_cells(cells):
    return [cell for cell in cells if cell.cell_type == "code"]


def tags(cell):
    return set(cell.metadata.get("tags", []))


def headings(cells, level):
    text = "\n".join(FENCED.sub("", c.source) for c in cells if c.cell_type == "markdown")
    return re.findall(rf"^{'#' * level} (.+)$", text, re.MULTILINE)


def pictures(cells):
    for cell in cells:
        for output in cell.get("outputs", []):
            for kind, content in output.get("data", {}).items():
                if kind.startswith("image/"):
                    yield cell.id, kind, base64.b64decode(content)


def printed(cells):
    """Everything that the cells put out, without the pictures."""
    for cell in cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            yield cell.id, output.get("text", "")
            yield from ((cell.id, str(data[k])) for k in data if not k.startswith("image/"))


def words(text):
    """Words of prose: without code, tables and tags."""
    text = re.sub(r"^\|.*$", "", FENCED.sub("", text), flags=re.MULTILINE)
    return len(re.findall(r"[A-Za-z][\w'’-]*", re.sub(r"<[^>]+>|`[^`]*`", "", text)))


def test_notebook_headings_are_one_title_and_numbered_sections(cells):
    assert len(headings(cells, 1)) == 1
    assert cells[0].source.startswith("# ")
    assert "**Time:**" in cells[0].source
    assert "**You need:**" in cells[0].source
    numbers = [int(heading.split(".")[0]) for heading in headings(cells, 2)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert headings(cells, 2)[-1].endswith("What you learnt")
    assert "Where next?" in cells[-1].source


def test_notebook_says_how_long_it_takes(path, root):
    spec = spec_from_file_location("notebook_minutes", root / "tools" / "notebook_minutes.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules["notebook_minutes"] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)

    minutes = module.minutes_of(path)

    assert minutes.exercises >= 8
    assert abs(minutes.total - minutes.said) <= 5, minutes


def test_notebook_code_cells_are_short(code_cells):
    lengths = {cell.id: len(cell.source.splitlines()) for cell in code_cells}

    assert [cell for cell, length in lengths.items() if length > 20] == []
    assert 2 <= statistics.median(lengths.values()) <= 8


def test_notebook_code_cells_stand_between_sentences(cells):
    kinds = [cell.cell_type for cell in cells]

    for index, cell in enumerate(cells):
        if cell.cell_type == "code":
            assert kinds[index - 1] == kinds[index + 1] == "markdown", cell.id
            assert words(cells[index - 1].source) >= 2, cell.id
        else:
            assert cell.source.strip(), cell.id


def test_notebook_has_four_to_nine_words_of_prose_per_line_of_code(cells):
    prose = sum(words(cell.source) for cell in cells if cell.cell_type == "markdown")
    lines = sum(len(cell.source.splitlines()) for cell in cells if cell.cell_type == "code")
    for cell in cells:
        if cell.cell_type == "markdown":
            lines += sum(len(block.splitlines()) for block in FENCED.findall(cell.source))

    assert 4 <= prose / lines <= 9


def test_notebook_was_run_from_top_to_bottom(code_cells):
    counts = [cell.execution_count for cell in code_cells]

    assert counts == list(range(1, len(counts) + 1))
    assert not any(o.output_type == "error" for cell in code_cells for o in cell.outputs)


def test_notebook_metadata_holds_kernel_and_language_only(path):
    notebook = nbformat.read(path, as_version=4)

    assert notebook.metadata == {
        "kernelspec": {
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        assert cell.metadata.keys() <= {"tags", "varies"}, cell.id
        assert tags(cell) <= TAGS, cell.id
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_notebook_cells_that_are_not_compared_say_why(code_cells):
    for cell in code_cells:
        ignored = "nbval-ignore-output" in tags(cell)
        assert ignored == bool(cell.metadata.get("varies")), cell.id
        if "live-output" in tags(cell):
            assert ignored, cell.id
            assert not cell.outputs, cell.id


def test_notebook_pictures_are_small(path, cells):
    assert path.stat().st_size <= 1_500_000
    found = list(pictures(cells))

    assert len(found) >= 4
    for cell, kind, data in found:
        width = pixels_of(data).shape[1]
        assert kind == "image/jpeg", cell
        assert width <= 900, cell
        assert len(data) <= 80_000, cell


def test_notebook_outputs_tell_nothing_about_the_machine(cells):
    found = [
        f"{cell}: {what} in {text!r}"
        for cell, text in printed(cells)
        for what, pattern in PRIVATE.items()
        if re.search(pattern, text) or f"/{getpass.getuser()}/" in text
    ]

    assert found == []


@pytest.mark.parametrize("name", ["notebooks/server.ipynb", "client/client.ipynb"])
def test_first_notebooks_say_at_the_top_what_works_on_colab(root, name):
    first, second, *_ = nbformat.read(root / name, as_version=4).cells

    assert second.source.startswith("<details><summary>On Google Colab</summary>")
    assert "pip install ./lab" in second.source
    assert first.source.startswith("# ")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("saved to /home/ada/images/a.jpg", id="path"),
        pytest.param("http://127.0.0.1:8000/docs", id="port"),
        pytest.param("/lab?token=abc", id="token"),
        pytest.param(r"C:\Users\ada", id="windows"),
    ],
)
def test_private_patterns_find_what_they_are_for(text):
    assert any(re.search(pattern, text) for pattern in PRIVATE.values())


def test_notebook_hides_nothing_and_installs_nothing(code_cells):
    for cell in code_cells:
        assert not re.search(r"^\s*[!]|%pip|filterwarnings|IGNORE_OUTPUT", cell.source, re.M)


def test_notebook_exercises_have_task_line_check_and_folded_solution(cells):
    starts = [index for index, cell in enumerate(cells) if "exercise" in tags(cell)]

    assert 2 <= len(starts) <= 4
    assert len(headings(cells, 3)) >= len(starts)
    for start in starts:
        task, exercise, _, check, solution = cells[start - 1 : start + 4]
        assert re.search(r"^### Your turn: ", task.source, re.MULTILINE), exercise.id
        assert "Hint: " in task.source, exercise.id
        assert tags(check) == {"check"}, exercise.id
        assert re.search(r"^check_\w+\(.+\)$", check.source, re.MULTILINE), exercise.id
        assert tags(solution) == {"solution"}, exercise.id
        folded = re.fullmatch(
            r"<details><summary>Solution</summary>\n\n```python\n.+?```\n\n(.+)\n\n</details>",
            solution.source,
            re.DOTALL,
        )
        assert folded, exercise.id
        assert words(folded[1]) >= 10, "say why, too"
