"""How long each notebook takes: reading, code and exercises.

    .venv/bin/python tools/notebook_minutes.py

Prose is read at 200 words a minute; a code cell takes 36 seconds to read, run and look at. An
exercise takes what the notebook's first cell says, usually 8 minutes, and so does waiting. Folded
solutions do not count. A test compares the sum, to 5 minutes, with the first cell and the README.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WORDS_A_MINUTE = 200
MINUTES_A_CELL = 0.6


@dataclass(frozen=True)
class Minutes:
    """The parts of a notebook's time, in minutes, and the sum that its first cell says."""

    reading: float
    code: float
    exercises: float
    waiting: float
    said: int

    @property
    def total(self) -> float:
        """The sum of the parts."""
        return self.reading + self.code + self.exercises + self.waiting


def minutes_of(notebook: Path) -> Minutes:
    """The time that a notebook takes."""
    cells: list[dict[str, Any]] = json.loads(notebook.read_text("utf-8"))["cells"]
    words = code = exercises = 0
    for cell in cells:
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] == "markdown":
            text = "" if "solution" in tags else "".join(cell["source"])
            words += len(re.findall(r"[^\W\d_][\w'’-]*", text))
        elif "exercise" in tags:
            exercises += 1
        elif "check" not in tags:
            code += 1
    first = "".join(cells[0]["source"])
    return Minutes(
        words / WORDS_A_MINUTE,
        code * MINUTES_A_CELL,
        exercises * _said(first, r"(\d+) for each exercise"),
        _said(first, r"(\d+) to wait"),
        _said(first, r"\*\*Time:\*\* about (\d+) minutes"),
    )


def _said(text: str, pattern: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


def notebooks() -> list[Path]:
    """The published notebooks in English."""
    found = [*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("client/*.ipynb")]
    return sorted(path for path in found if not path.stem.endswith(".fr"))


def main() -> None:
    """Print the table."""
    print(f"{'notebook':<24} reading  code  exercises  waiting  total  said")
    for path in notebooks():
        one = minutes_of(path)
        name = path.relative_to(ROOT).as_posix()
        parts = f"{one.reading:7.0f} {one.code:5.0f} {one.exercises:10.0f} {one.waiting:8.0f}"
        print(f"{name:<24} {parts} {one.total:6.0f} {one.said:5}")


if __name__ == "__main__":
    main()
