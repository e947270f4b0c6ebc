"""docs/architecture.md says what the code does: files, rooms, and the table of answers."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
SOURCE = ROOT / "src" / "detectlab"


def rows(name: str) -> list[list[str]]:
    """The cells of a table between `<!-- name -->` and `<!-- end of name -->`."""
    table = PAGE.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- end of {name} -->")[0]
    lines = table.splitlines()[2:]
    assert lines
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(("question", "link", "word"), rows("answers"))
def test_answer_stands_in_the_one_file_that_the_table_names(
    question: str, link: str, word: str
) -> None:
    (target,) = re.findall(r"\]\(\.\./(\S+)\)", link)

    assert word.strip("`") in (ROOT / target).read_text("utf-8"), question


def test_page_answers_the_questions_of_a_newcomer() -> None:
    questions = " ".join(row[0] for row in rows("answers"))

    for word in ("JPEG", "body", "YOLOv5", "evicted", "canary", "precision", "PDF", "box_area"):
        assert word in questions


def test_rooms_may_import_what_the_page_says() -> None:
    code = ast.parse((ROOT / "tests" / "repo" / "test_imports.py").read_text("utf-8"))
    (rule,) = [
        node.value
        for node in code.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "BELOW"
    ]
    assert rule is not None
    held = {room: below for room, below in ast.literal_eval(rule).items() if room != "settings"}

    told = {
        room: set() if below == "—" else set(below.split(", ")) for room, _, below in rows("rooms")
    }
    assert told == held


def test_drawing_names_files_and_rooms_that_exist() -> None:
    drawing = (ROOT / "docs" / "architecture.svg").read_text("utf-8")
    files = {path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py")}

    named = re.findall(r">([\w/]+\.py)<", drawing)
    assert len(named) >= 10
    for name in named:
        assert any(f"/{file}".endswith(f"/{name}") for file in files), name
    columns = re.findall(r'class="room"[^>]*>([\w, ]+)<', drawing)
    rooms = {room for column in columns for room in column.replace(",", " ").split()}
    assert all((SOURCE / room).is_dir() for room in rooms)
    assert {"serving", "rollout", "cluster", "vision"} <= rooms
