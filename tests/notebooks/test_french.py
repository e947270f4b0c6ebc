"""The French editions are what the originals and their translations make, without a gap."""

import json
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest

ORIGINALS = [
    pytest.param("README.md", id="readme"),
    pytest.param("notebooks/server.ipynb", id="server"),
    pytest.param("client/client.ipynb", id="client"),
]
NOTEBOOKS = ORIGINALS[1:]


@pytest.fixture(scope="module")
def french(root):
    spec = spec_from_file_location("french", root / "tools" / "french.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules["french"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_french_notebook_has_all_texts(french, root, name):
    translation = french.translation_of(root / name)

    french.french_edition(root / name, translation)

    assert translation.problems() == []


def test_french_page_has_nearly_all_texts(french, root):
    translation = french.translation_of(root / "README.md")

    french.french_edition(root / "README.md", translation)

    assert len(translation.missing) <= 10, translation.problems()


@pytest.mark.parametrize("name", ORIGINALS)
def test_french_edition_is_up_to_date(french, root, name):
    edition = french.french_edition(root / name, french.translation_of(root / name))

    stored = french.edition_of(root / name).read_text("utf-8")
    assert stored == edition, "renew it with make french"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_changed_english_cell_is_seen(french, root, name):
    notebook = json.loads((root / name).read_text("utf-8"))
    translation = french.translation_of(root / name)
    cell = next(c for c in notebook["cells"][3:] if c["cell_type"] == "markdown")
    before = "".join(cell["source"])
    cell["source"] = ["A new sentence."]

    french.french_notebook(notebook, translation)

    missing, unneeded = f"- english: {french.digest('A new sentence.')}", french.digest(before)
    assert "\n".join(translation.problems()).splitlines() == [
        "# no translation yet:",
        missing,
        "  french: |-",
        "    A new sentence.",
        f"# not needed any more: {unneeded}",
    ]


def test_changed_paragraph_and_row_of_the_page_are_seen(french):
    page = "# Title\n\n| a | b |\n|---|---|\n| one | two |\n\n```sh\nmake lab\n```\n\nText.\n"
    entries = [
        {"english": french.digest(english), "french": text}
        for english, text in [
            ("# Title", "# Titre"),
            ("| a | b |", "| A | B |"),
            ("| one | two |", "| un | deux |"),
            ("Text.", "Texte : voilà."),
        ]
    ]
    whole = french.Translation(entries)
    changed = french.Translation(entries)

    translated = french.french_page(page, whole)
    french.french_page(page.replace("two", "three").replace("lab", "serve"), changed)

    assert whole.problems() == []
    assert translated == (
        "# Titre\n\n| A | B |\n|---|---|\n| un | deux |\n\n"
        "```sh\nmake lab\n```\n\nTexte\u00a0: voilà.\n"
    )
    assert changed.missing == ["| one | three |"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_french_notebook_has_the_code_and_the_outputs_of_the_original(french, root, name):
    cells, originals = (
        json.loads(path.read_text("utf-8"))["cells"]
        for path in (french.edition_of(root / name), root / name)
    )

    assert len(cells) == len(originals)
    for cell, original in zip(cells, originals, strict=True):
        if cell["cell_type"] == "code":
            assert cell == original
        else:
            assert cell["source"] != original["source"]
            assert cell["metadata"] == original["metadata"]
            text, english = "".join(cell["source"]), "".join(original["source"])
            fences = re.compile(r"```.*?```", re.DOTALL)
            assert fences.findall(text) == fences.findall(english)
            assert text.count("### À vous : ".replace(" :", "\u00a0:")) == english.count(
                "### Your turn: "
            )
            assert "{code}" not in text
