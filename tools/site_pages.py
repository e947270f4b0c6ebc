"""MkDocs hooks: one page of the API reference for each room, and links into the repository."""

import ast
import re
import tomllib
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "detectlab"
_LINK = re.compile(r"(?<=\]\()(\.\./[^)#\s]+)")
_REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"][
    "Repository"
]
# Only the command line's help and the notebooks use these, so they have no readers here.
_NOT_SHOWN = {"cli", "course", "__main__"}


def rooms() -> dict[str, str]:
    """The names of the packages and modules directly below `detectlab`, and their first sentence.

    Returns:
        Room -> sentence.
    """
    files = [*SOURCE.glob("*/__init__.py"), *SOURCE.glob("[a-z]*.py")]
    names = {(file.parent if file.name == "__init__.py" else file).stem: file for file in files}
    return {
        name: (ast.get_docstring(ast.parse(file.read_text("utf-8"))) or name).splitlines()[0]
        for name, file in sorted(names.items())
        if name not in _NOT_SHOWN
    }


def on_config(config: MkDocsConfig) -> None:
    """Append the reference to the navigation."""
    pages = [{name: f"reference/{name}.md"} for name in rooms()]
    config.nav = [*(config.nav or []), {"API reference": ["reference/index.md", *pages]}]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the reference's pages, which are not in `docs/`."""
    table = ["# API reference", "", "| package | what it holds |", "|---|---|"]
    for name, sentence in rooms().items():
        table.append(f"| [detectlab.{name}]({name}.md) | {sentence} |")
        text = f"# detectlab.{name}\n\n::: detectlab.{name}\n"
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    files.append(File.generated(config, "reference/index.md", content="\n".join(table)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links from `docs/` to other folders into links to the repository.

    Raises:
        PluginError: The file of such a link does not exist.
    """

    def address(link: re.Match[str]) -> str:
        target = (ROOT / "docs" / page.file.src_uri).parent.joinpath(link[1]).resolve()
        if not target.exists():
            raise PluginError(f"{page.file.src_uri} links to {link[1]}, which does not exist.")
        return f"{_REPOSITORY}/blob/HEAD/{target.relative_to(ROOT).as_posix()}"

    return _LINK.sub(address, markdown)
