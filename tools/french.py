"""The French edition of README.md and of the course's two first notebooks: `make french`.

    .venv/bin/python tools/french.py

Beside each English original is its translation, `NAME.fr.yaml`: a list of English texts, each by
its digest, with their French. Texts are the markdown cells of a notebook, and the paragraphs and
table rows of a page. Code, its outputs, and what `make readme` writes are copied from the original;
in a translation `{code}` stands for the next block of code. An English text that is new or changed
has no translation: it stays English, and the tool shows it as an entry to complete. A test wants
all texts of the notebooks translated, and nearly all of the page.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
ORIGINALS = (
    ROOT / "README.md",
    ROOT / "notebooks" / "server.ipynb",
    ROOT / "client" / "client.ipynb",
)
CODE = "{code}"
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_REGION = r"^<!-- (?P<name>\w+)\b[^\n]*-->\n.*?^<!-- end of (?P=name) -->$"
# Blocks of a page that are copied: comments with what follows them, code, and lines of a table.
_COPIED = re.compile(rf"{_REGION}|^(?:<!--[^\n]*-->\n)?```.*?^```$|^\|[-| :]+\|$", re.DOTALL | re.M)
_FRENCH_SPACE = re.compile(r" (?=[:;?!»](?:[\s*)]|$))|(?<=«) ")
_NO_BREAK = "\u00a0"
_IN_CODE = re.compile(r"(```.*?```|`[^`]*`)", re.DOTALL)


class Translation:
    """French texts by the digest of their English ones.

    Attributes:
        missing: English texts that were asked for, and have no translation.
    """

    def __init__(self, entries: list[dict[str, str]]) -> None:
        """Take the entries of a translation file."""
        self._french = {entry["english"]: entry["french"] for entry in entries}
        self._used: set[str] = set()
        self.missing: list[str] = []

    def french(self, english: str) -> str:
        """The translation of a text; the text itself when there is none."""
        key = digest(english)
        self._used.add(key)
        if key not in self._french:
            self.missing.append(english)
            return english
        code = iter(_FENCED.findall(english))
        whole = re.sub(re.escape(CODE), lambda _: next(code, CODE), self._french[key])
        return _with_french_spaces(whole)

    def problems(self) -> list[str]:
        """Entries to complete, for texts without a translation, and entries without a text."""
        told = [
            f"# no translation yet:\n- english: {digest(text)}\n  french: |-\n"
            + "\n".join(f"    {line}".rstrip() for line in text.splitlines())
            for text in self.missing
        ]
        unneeded = self._french.keys() - self._used
        return told + [f"# not needed any more: {key}" for key in sorted(unneeded)]


def digest(english: str) -> str:
    """The name of an English text in a translation file, however its lines are wrapped."""
    return hashlib.sha256(" ".join(english.split()).encode()).hexdigest()[:12]


def french_notebook(notebook: dict[str, Any], translation: Translation) -> dict[str, Any]:
    """A notebook in French: the same cells, code and outputs, with other texts."""
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = translation.french("".join(cell["source"]))
            cell = cell | {"source": text.splitlines(keepends=True)}
        cells.append(cell)
    return notebook | {"cells": cells}


def french_page(page: str, translation: Translation) -> str:
    """A Markdown page in French."""
    return "".join(
        text if copied or not text.strip() else translation.french(text)
        for text, copied in _parts(page)
    )


def french_edition(original: Path, translation: Translation) -> str:
    """The text of the French edition of a file."""
    text = original.read_text("utf-8")
    if original.suffix == ".ipynb":
        notebook = french_notebook(json.loads(text), translation)
        return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    return french_page(text, translation)


def edition_of(original: Path) -> Path:
    """The file of the French edition."""
    return original.with_suffix(f".fr{original.suffix}")


def translation_of(original: Path) -> Translation:
    """The translation beside a file."""
    return Translation(yaml.safe_load(original.with_suffix(".fr.yaml").read_text("utf-8")))


def _parts(page: str) -> Iterator[tuple[str, bool]]:
    """The parts of a page in their order, each with whether it is copied."""
    end = 0
    for copied in _COPIED.finditer(page):
        yield from _texts(page[end : copied.start()])
        yield copied[0], True
        end = copied.end()
    yield from _texts(page[end:])


def _texts(part: str) -> Iterator[tuple[str, bool]]:
    """Paragraphs, rows of tables, and the empty lines between them."""
    for text in re.split(r"(\n\n+|\n(?=\|)|(?<=\|)\n|^\n+|\n+$)", part):
        yield text, not text.strip()


def _with_french_spaces(text: str) -> str:
    """Keep `: ; ? !` and guillemets on the line of their word, but change no code."""
    pieces = _IN_CODE.split(text)
    pieces[::2] = [_FRENCH_SPACE.sub(_NO_BREAK, piece) for piece in pieces[::2]]
    return "".join(pieces)


def main() -> None:
    """Write the French editions; end with 1 where a notebook's text has no translation."""
    failed = False
    for original in ORIGINALS:
        translation = translation_of(original)
        edition_of(original).write_text(french_edition(original, translation), "utf-8")
        if problems := translation.problems():
            failed |= original.suffix == ".ipynb"
            name = original.with_suffix(".fr.yaml").relative_to(ROOT)
            print(f"{name} has to be changed:", *problems, sep="\n", file=sys.stderr)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
