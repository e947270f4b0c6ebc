"""Picture files, and the pictures in folders."""

from collections.abc import Iterable
from pathlib import Path

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


def list_pictures(paths: Iterable[Path]) -> list[Path]:
    """The given files, and the pictures in the given folders sorted by name.

    Raises:
        ValueError: A folder contains no picture.
    """
    files: list[Path] = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        if not inside:
            raise ValueError(f"The folder {path} contains no pictures.")
        files += inside
    return files
