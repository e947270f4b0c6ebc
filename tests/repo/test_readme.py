"""README.md and the other pages: what they say runs, and their links lead somewhere."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.main import get_group

from detectlab import create_app
from detectlab.cli.main import app

FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


@pytest.mark.slow
def test_readme_blocks_run_and_print_what_it_says(root: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl, which some of the blocks use")

    run = subprocess.run(
        [sys.executable, root / "tools" / "readme.py"], capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr


def test_readme_lists_the_detectors_as_the_registry_has_them(root: Path) -> None:
    text = (root / "README.md").read_text("utf-8")
    spec = spec_from_file_location("readme", root / "tools" / "readme.py")
    assert spec is not None
    assert spec.loader is not None
    readme = module_from_spec(spec)
    spec.loader.exec_module(readme)

    assert "| nano |" in text
    assert readme.with_detectors(text) == text, "renew it with make readme"


def test_readme_lists_every_command_and_route(root: Path) -> None:
    text = (root / "README.md").read_text("utf-8")
    commands = [command.name for command in get_group(app).commands.values()]
    roots = {path.split("/")[1].partition("{")[0] for path in create_app().openapi()["paths"]}

    assert len(commands) > 10
    assert [name for name in commands if not re.search(f"`(detectlab )?{name}[ `]", text)] == []
    assert len(roots) > 10
    assert [name for name in roots if not re.search(f"[ `]/{name}", text)] == []


def test_readme_runs_everything_but_what_it_says(root: Path) -> None:
    text = (root / "README.md").read_text("utf-8")

    skipped = re.findall(r"<!-- not run: (.*?) -->", text)
    assert all(len(reason.split()) >= 3 for reason in skipped)
    assert len(re.findall(r"^```(?:bash|python)$", text, re.MULTILINE)) >= 2 * len(skipped)


def test_readme_begins_with_what_it_is_and_how_to_start(root: Path) -> None:
    first_screen = (root / "README.md").read_text("utf-8").splitlines()[:30]

    assert first_screen[0] == "# detectlab"
    assert "make lab" in first_screen
    assert any(line.startswith("![") for line in first_screen)


def test_readme_gives_each_notebook_the_time_that_it_asks_for(root: Path) -> None:
    text = (root / "README.md").read_text("utf-8")

    rows = re.findall(r"^\| \[[\w.]+\]\((\S+\.ipynb)\) \|.*\| (\d+) \|$", text, re.MULTILINE)
    notebooks = [*root.glob("notebooks/*.ipynb"), *root.glob("client/*.ipynb")]
    assert len(rows) == len([path for path in notebooks if not path.stem.endswith(".fr")])
    for notebook, minutes in rows:
        assert f"**Time:** about {minutes} minutes" in (root / notebook).read_text("utf-8")


def test_links_of_pages_lead_to_files_and_headings(tracked_files: list[Path], root: Path) -> None:
    broken = [
        f"{page.relative_to(root)}: {link}"
        for page in tracked_files
        if page.suffix == ".md"
        for link in links_of(page)
        if not leads_somewhere(page, link)
    ]

    assert broken == []


def links_of(page: Path) -> list[str]:
    text = FENCE.sub("", page.read_text("utf-8"))
    found = [image or other for image, other in LINK.findall(text)]
    # The pages of the API reference are made by `make docs`, which checks these links.
    elsewhere = ("mailto:", "reference/")
    return [link for link in found if "://" not in link and not link.startswith(elsewhere)]


def leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = unquote(link).partition("#")
    target = page.parent / name if name else page
    if not target.exists():
        return False
    return not anchor or anchor in anchors_of(target)


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_tells_the_speed_that_was_stored(root: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "bench.readme"],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "benchmarks")},
    )
    assert told.returncode == 0, told.stdout + told.stderr
