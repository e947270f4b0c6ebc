"""What may be in the repository, and what may not."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

LARGE_ALLOWED = ("images/", "notebooks/", "src/detectlab/assets/")
MAX_BYTES = 500_000

# Places that exist on one machine only, and hosts that packages come from: which index pip asks
# is its user's business.
ADDRESSES = {
    "a folder of one machine": re.compile(rb"(?<![\w.])/(work|root)/"),
    "a package index": re.compile(rb"//[\w.-]*(pypi|pythonhosted|anaconda)\.\w+"),
    "a private host": re.compile(rb"//[\w-]+\.(internal|local|lan|corp)\b"),
}


def test_no_file_is_large(tracked_files: list[Path], root: Path) -> None:
    names = {path.relative_to(root).as_posix(): path.stat().st_size for path in tracked_files}

    large = [
        name
        for name, size in names.items()
        if size > MAX_BYTES and not name.startswith(LARGE_ALLOWED)
    ]
    assert large == []


@pytest.mark.parametrize("kind", ADDRESSES)
def test_no_file_names_another_place(kind: str, tracked_files: list[Path], root: Path) -> None:
    found = [
        f"{path.relative_to(root)}: {match[0].decode()}"
        for path in tracked_files
        for match in ADDRESSES[kind].finditer(path.read_bytes())
        if path != Path(__file__)
    ]

    assert found == []


def test_result_folders_are_kept_and_empty(tracked_files: list[Path], root: Path) -> None:
    for folder in ("images_with_boxes", "images_uploaded"):
        kept = [path.name for path in tracked_files if path.parent == root / folder]
        assert kept == [".gitkeep"]


def test_gitignore_does_not_hide_pictures(root: Path) -> None:
    lines = (root / ".gitignore").read_text("utf-8").splitlines()

    assert not {"images", "images/", "images/*", "/images", "*.jpg", "*.png"} & set(lines)


@pytest.mark.usefixtures("tracked_files")
def test_no_tracked_file_is_one_that_git_ignores(root: Path) -> None:
    listing = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]

    run = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=True)

    assert run.stdout == ""


def test_only_pyproject_names_the_repository(tracked_files: list[Path], root: Path) -> None:
    urls = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
    address = urls["Repository"]

    assert all(url.startswith(address) for url in urls.values())
    name = address.partition("://")[2].encode()
    found = [path.name for path in tracked_files if name in path.read_bytes()]
    assert found == ["pyproject.toml"]
