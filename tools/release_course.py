"""The course without solutions, for a class: `make release` writes it to build/release/.

    .venv/bin/python tools/release_course.py [--to FOLDER]

As nbgrader's release version: folded solutions and the stored outputs are gone; exercises and their
checks stay, and the markdown where a solution was says that the teacher has it.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PLACE = "*(Your teacher has a solution to this exercise.)*"
PLACE_FR = "*(Votre enseignant a une solution à cet exercice.)*"
FOLDERS = ("notebooks", "client")


def released(notebook: dict[str, Any], place: str = PLACE) -> dict[str, Any]:
    """A notebook without solutions and outputs.

    Args:
        notebook: The notebook.
        place: Markdown that takes the place of each solution.

    Returns:
        A copy.

    Raises:
        ValueError: A solution is in a cell without the tag `solution`.
    """
    cells = []
    for cell in notebook["cells"]:
        kept = dict(cell)
        if "solution" in cell["metadata"].get("tags", []):
            kept["source"] = [place]
        elif "<summary>Solution" in "".join(cell["source"]):
            raise ValueError(f"cell {cell.get('id')} has a solution, and not the tag `solution`")
        if cell["cell_type"] == "code":
            kept.update(outputs=[], execution_count=None)
        cells.append(kept)
    return notebook | {"cells": cells}


def release(to: Path) -> list[Path]:
    """Write the released notebooks, and what they need beside them.

    Args:
        to: The folder; what an earlier release left there is replaced.

    Returns:
        The notebooks.
    """
    written = []
    for folder in FOLDERS:
        shutil.rmtree(to / folder, ignore_errors=True)
        (to / folder).mkdir(parents=True)
        for source in sorted((ROOT / folder).iterdir()):
            target = to / folder / source.name
            if source.suffix == ".ipynb":
                place = PLACE_FR if source.stem.endswith(".fr") else PLACE
                notebook = released(json.loads(source.read_text("utf-8")), place)
                text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
                target.write_text(text, "utf-8")
                written.append(target)
            elif source.suffix == ".py":
                shutil.copyfile(source, target)
    shutil.copytree(ROOT / "images", to / "images", dirs_exist_ok=True)
    return written


def main() -> None:
    """Write the release, and say where it is."""
    parser = argparse.ArgumentParser(description="Write the course without solutions.")
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "release", metavar="FOLDER")
    to = parser.parse_args().to
    for notebook in release(to):
        print(notebook.relative_to(to))
    print(f"The course without solutions is in {to}.")


if __name__ == "__main__":
    main()
