"""What is there for teachers: notes for each notebook, slides and sheet, and their PDF."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def test_each_notebook_has_notes_with_its_minutes(root: Path) -> None:
    for notebook in [*root.glob("notebooks/*.ipynb"), *root.glob("client/*.ipynb")]:
        if notebook.stem.endswith(".fr"):
            continue
        notes = (root / "teaching" / "notes" / f"{notebook.stem}.md").read_text("utf-8")
        said = re.search(r"about (\d+) minutes", notebook.read_text("utf-8"))
        assert said
        assert notes.startswith(f"# Notes: {notebook.name} ({said[1]} minutes)\n")
        for part in ("| section | minutes |", "**Typical mistakes.**", "**Discuss.**", "**Cut.**"):
            assert part in notes, (notebook.name, part)


def test_there_are_ten_slides(root: Path) -> None:
    slides = (root / "teaching" / "slides.md").read_text("utf-8").split("\n---\n")

    assert len(slides) == 10
    assert all(re.search(r"^##? ", slide, re.MULTILINE) for slide in slides)


def test_sheet_has_codes_shares_and_the_way_of_a_picture(root: Path) -> None:
    sheet = (root / "teaching" / "sheet.md").read_text("utf-8")

    for part in ("## Status codes", "## Precision and recall", "## The way of a picture"):
        assert part in sheet


@pytest.mark.slow
def test_pages_become_pdf_or_html(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(root / "tools" / "teaching.py"), "--to", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    has_browser = any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    for name in ("slides", "sheet", "notes-server"):
        written = tmp_path / f"{name}.{'pdf' if has_browser else 'html'}"
        assert written.name in done.stdout
        assert written.stat().st_size > 1000
    if has_browser:
        assert (tmp_path / "slides.pdf").read_bytes().startswith(b"%PDF")
    else:
        assert "No Chromium is here" in done.stderr


def test_devcontainer_makes_the_lab_and_forwards_its_ports(root: Path) -> None:
    settings = json.loads((root / ".devcontainer" / "devcontainer.json").read_text("utf-8"))

    assert "make setup-lab" in settings["postCreateCommand"]
    assert "detectlab.course.lab_copies" in settings["postCreateCommand"]
    assert settings["forwardPorts"] == [8000, 8501]
    tag = settings["image"].rpartition(":")[2]
    assert re.match(r"3\.1[123]-", tag), "a Python that the lab supports"
