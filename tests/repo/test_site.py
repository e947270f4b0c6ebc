"""The documentation site: `make docs` builds it, and a broken link fails the build."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOMS = ("client", "detection", "kernel", "serving", "vision")


pytest.importorskip("mkdocs", reason="needs make setup-docs")


def build(root: Path, config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(site)],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """A copy of what the site is made of."""
    ignore = shutil.ignore_patterns("__pycache__", "assets")
    for name in ("docs", "tools", "src"):
        shutil.copytree(root / name, tmp_path / name, ignore=ignore)
    for name in ("mkdocs.yml", "pyproject.toml"):
        shutil.copy(root / name, tmp_path)
    return tmp_path


@pytest.mark.slow
def test_site_builds_with_a_page_for_each_room_and_fetches_nothing(
    root: Path, tmp_path: Path
) -> None:
    run = build(root, root / "mkdocs.yml", tmp_path)

    assert run.returncode == 0, run.stdout + run.stderr
    for room in ROOMS:
        page = (tmp_path / "reference" / f"{room}.html").read_text("utf-8")
        assert f'id="detectlab.{room}.' in page
    home = (tmp_path / "index.html").read_text("utf-8")
    assert 'src="http' not in home
    assert 'rel="stylesheet" href="http' not in home
    # The theme's script would fetch the one that draws such diagrams.
    assert not [
        page for page in tmp_path.rglob("*.html") if 'class="mermaid"' in page.read_text("utf-8")
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("link", "message"),
    [
        pytest.param("[page](nowhere.md)", "nowhere.md", id="page"),
        pytest.param("[heading](index.md#nowhere)", "#nowhere", id="heading"),
        pytest.param("[file](../src/nowhere.py)", "../src/nowhere.py", id="file"),
    ],
)
def test_site_with_a_broken_link_does_not_build(checkout: Path, link: str, message: str) -> None:
    for page in (checkout / "docs").glob("*.md"):
        page.write_text(link if page.name == "scale.md" else f"# {page.stem}\n", "utf-8")
    for room in (checkout / "src" / "detectlab").iterdir():  # nothing else, to be quick
        if room.is_dir():
            shutil.rmtree(room)

    run = build(checkout, checkout / "mkdocs.yml", checkout / "site")

    assert run.returncode != 0
    assert message in run.stdout + run.stderr
