"""Files of pictures, and those in folders."""

from collections.abc import Iterable
from pathlib import Path

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


def list_pictures(paths: Iterable[Path]) -> list[Path]:
    """The files, and the pictures of the folders among them, by name.

    Raises:
        ValueError: A folder has no pictures.
    """
    files: list[Path] = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES)
        if not inside:
            raise ValueError(f"The folder {path} has no pictures in it.")
        files += inside
    return files
