"""The learner's copies of the notebooks: `python -m detectlab.course.lab_copies [--reset NAME]`.

`my-lab/` holds `notebooks/` and `client/` beside a link to `images/`, so relative paths are those
of the published notebooks. A copy has no outputs, and none that exists is ever overwritten.
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

FOLDER = "my-lab"
_FOLDERS = ("notebooks", "client")


def make_copies(root: Path) -> Path:
    """Copy the notebooks that the learner does not have yet.

    Args:
        root: Folder of the project.

    Returns:
        The folder of the copies, `my-lab`.
    """
    lab = root / FOLDER
    for source, target in _files(root):
        if not target.exists():
            _copy(source, target)
    _link_images(root / "images", lab / "images")
    return lab


def reset(root: Path, names: Iterable[str] = ()) -> list[tuple[Path, Path | None]]:
    """Begin notebooks afresh, and keep the learner's under another name.

    Args:
        root: Folder of the project.
        names: Names of the notebooks, such as `server`; all of them by default.

    Returns:
        Each fresh copy, with the file that keeps the old one, or `None` when there was nothing to
        keep.

    Raises:
        ValueError: There is no such notebook.
    """
    notebooks = {
        target.stem: (source, target)
        for source, target in _files(root)
        if source.suffix == ".ipynb"
    }
    wanted = [name.removesuffix(".ipynb") for name in names] or list(notebooks)
    if unknown := [name for name in wanted if name not in notebooks]:
        raise ValueError(f"There is no notebook {unknown[0]!r}. There are {', '.join(notebooks)}.")
    make_copies(root)
    done = []
    for name in wanted:
        source, target = notebooks[name]
        kept = None
        if target.read_text("utf-8") != _without_outputs(source):
            kept = _unused(target)
            target.rename(kept)
            _copy(source, target)
        done.append((target, kept))
    return done


def _files(root: Path) -> Iterator[tuple[Path, Path]]:
    """The published files, each with the place of its copy."""
    for folder in _FOLDERS:
        for source in sorted((root / folder).iterdir()):
            if source.suffix in {".ipynb", ".py"}:
                yield source, root / FOLDER / folder / source.name


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".ipynb":
        target.write_text(_without_outputs(source), "utf-8")
    else:
        shutil.copyfile(source, target)


def _without_outputs(source: Path) -> str:
    notebook: dict[str, Any] = json.loads(source.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _link_images(source: Path, target: Path) -> None:
    if target.exists():
        return
    try:
        target.symlink_to(Path("..") / source.name, target_is_directory=True)
    except OSError:  # Windows allows links to administrators and developers only
        shutil.copytree(source, target)


def _unused(file: Path) -> Path:
    """A name beside the file that no file has: with the date, and a number where needed."""
    stem = f"{file.stem}-{time.strftime('%Y-%m-%d-%H%M')}"
    names = (f"{stem}{'' if number == 1 else f'-{number}'}" for number in range(1, 1000))
    return next(path for name in names if not (path := file.with_name(name + ".ipynb")).exists())


def main() -> None:
    """Make the missing copies; with `--reset`, begin notebooks afresh."""
    parser = argparse.ArgumentParser(description="Make the learner's copies of the notebooks.")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="folder of the project")
    parser.add_argument("--reset", nargs="*", metavar="NAME", help="begin afresh; by default all")
    options = parser.parse_args()
    if options.reset is None:
        print(f"Your notebooks are in {make_copies(options.root)}.")
        return
    try:
        done = reset(options.root, options.reset)
    except ValueError as error:
        parser.exit(1, f"{error}\n")
    for target, kept in done:
        note = f"; yours is kept as {kept.name}" if kept else " already"
        print(f"{target.name} is fresh{note}.")


if __name__ == "__main__":
    main()
