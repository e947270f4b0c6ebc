"""Slides, sheet and notes of `teaching/` as HTML and, where Chromium is, as PDF.

make teaching                                   # into build/teaching/
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "teaching"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
STYLE = """
body { font: 11pt/1.4 system-ui, 'DejaVu Sans', sans-serif; color: #222; margin: 0 }
table { border-collapse: collapse; margin: .6em 0 }
th, td { border: 1px solid #bbb; padding: .25em .6em; text-align: left; vertical-align: top }
pre { background: #f3f3f3; padding: .6em } code { background: #f3f3f3 }
img { max-width: 100%; max-height: 9cm }
h1 { margin-top: 0 } @page { size: A4; margin: 16mm }
"""
SLIDES = """
body { font-size: 25pt } section { break-after: page; height: 165mm; padding: 4mm 6mm }
section:last-child { break-after: auto } h1 { font-size: 40pt; margin-top: 40mm }
h2 { font-size: 32pt; margin: 0 0 8mm } @page { size: A4 landscape; margin: 12mm }
"""
SHEET = "body { font-size: 9.5pt } h1 { font-size: 18pt } h2 { margin: .5em 0 .2em }"


def as_html(page: Path) -> str:
    """A page of `teaching/` as HTML; each part of the slides is one slide."""
    render = MarkdownIt("commonmark").enable("table").render
    text = page.read_text("utf-8")
    style = STYLE + {"slides": SLIDES, "sheet": SHEET}.get(page.stem, "")
    if page.stem == "slides":
        body = "".join(f"<section>{render(one)}</section>" for one in text.split("\n---\n"))
    else:
        body = render(text)
    base = f'<base href="{page.parent.as_uri()}/">'
    return f'<!doctype html><meta charset="utf-8">{base}<style>{style}</style>{body}'


def build(to: Path) -> list[Path]:
    """Write all pages.

    Args:
        to: The folder.

    Returns:
        What was written: a PDF for each page, or HTML where there is no browser.
    """
    to.mkdir(parents=True, exist_ok=True)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    written = []
    for page in [SOURCE / "slides.md", SOURCE / "sheet.md", *sorted(SOURCE.glob("notes/*.md"))]:
        name = page.stem if page.parent == SOURCE else f"notes-{page.stem}"
        html = to / f"{name}.html"
        html.write_text(as_html(page), "utf-8")
        if browser is None:
            written.append(html)
            continue
        pdf = html.with_suffix(".pdf")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        subprocess.run(
            [browser, *options, f"--print-to-pdf={pdf}", html.as_uri()],
            capture_output=True,
            check=True,
            timeout=120,
        )
        html.unlink()
        written.append(pdf)
    return written


def main() -> None:
    """Write all pages, and say where they are."""
    parser = argparse.ArgumentParser(description="Write slides, sheet and notes as PDF.")
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "teaching", metavar="FOLDER")
    to = parser.parse_args().to
    written = build(to)
    print(*(path.name for path in written), sep="\n")
    if any(path.suffix == ".html" for path in written):
        print("No Chromium is here, so these are HTML: print them from a browser.", file=sys.stderr)


if __name__ == "__main__":
    main()
