"""Files of a learner's own program: pieces of a notebook, written into a module that runs alone."""

import ast
import inspect
import linecache
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.metadata import version
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from detectlab.cluster.processes import free_ports

_START_S = 30.0
_ASSETS = Path(__file__).parents[1] / "assets"
_IMPORTS = (ast.Import, ast.ImportFrom)


def mine_or_ours(mine: Any, check: Callable[..., object], *arguments: object, ours: Any) -> Any:
    """The learner's answer when it passes its check, else the lab's, which is said.

    Args:
        mine: The learner's answer.
        check: Its check, as `exercise_check` made it.
        *arguments: What the check gets; by default the learner's answer.
        ours: One that is correct.
    """
    try:
        inspect.unwrap(check)(*(arguments or (mine,)))
    except Exception:  # the check's own cell says what is wrong
        name = getattr(ours, "__name__", "")
        print(f"Until yours is correct, the lab's {f'`{name}`' if name else 'text'} is used.")
        return ours
    return mine


def labs(name: str) -> ModuleType:
    """A program of the lab whose pieces stand in for a learner's.

    Args:
        name: `own_service` or `own_page`. They are texts, because they import what this package
            does not: FastAPI belongs to its server, and Streamlit is no part of it.
    """
    file = str(_ASSETS / f"{name}.txt")
    loader = SourceFileLoader(name, file)
    module = module_from_spec(ModuleSpec(name, loader, origin=file))
    loader.exec_module(module)
    return module


def write_module(file: str | Path, pieces: Sequence[Any]) -> None:
    """Write functions and classes of a notebook into a module, with the imports that they need.

    Args:
        file: The module.
        pieces: Its parts, in order: texts as they are; functions and classes by their source, and
            the imports of the cell or module that defines them.
    """
    imports: dict[str, None] = {}
    parts = []
    for piece in pieces:
        if isinstance(piece, str):
            text, tree = piece, ast.parse(piece)
            rest = [node for node in tree.body if not isinstance(node, _IMPORTS)]
        else:
            text, tree = _definition(piece)
            rest = [node for node in tree.body if getattr(node, "name", None) == piece.__name__]
        imports |= {ast.unparse(n): None for n in tree.body if isinstance(n, _IMPORTS)}
        parts += [ast.get_source_segment(text, node) or "" for node in rest]
    kept = [line for line in imports if "detectlab" not in line]
    Path(file).write_text("\n\n\n".join(["\n".join(kept), *parts]) + "\n", "utf-8")


def _definition(piece: Any) -> tuple[str, ast.Module]:
    """The cell or module that defines a function or class, as text and tree."""
    for name in _sources(piece):
        text = "".join(linecache.getlines(name))
        try:
            tree = ast.parse(text)
        except SyntaxError:  # a cell that did not run
            continue
        if any(getattr(node, "name", None) == piece.__name__ for node in tree.body):
            return text, tree
    raise ValueError(f"No cell defines {piece.__name__}. Run the cell with it again.")


def _sources(piece: Any) -> Iterator[str]:
    """Names of source files, the likeliest first: IPython keeps each cell as one."""
    parts = [piece, *(vars(piece).values() if isinstance(piece, type) else ())]
    for part in parts:  # a function, or the methods of a class
        code = getattr(part, "__code__", None)
        if code and part.__module__ == piece.__module__:
            yield code.co_filename
    # A class without functions: the latest cell that has it.
    yield from [name for name, entry in linecache.cache.items() if entry[1:2] == (None,)][::-1]


def write_requirements(file: str | Path, names: Sequence[str]) -> None:
    """Write the versions that are installed here into a file that pip reads.

    Args:
        file: The file, mostly requirements.txt.
        names: Names of packages; `opencv-python-headless` gets the version of `opencv-python`.
    """
    pins = [f"{name}=={version(name.removesuffix('-headless'))}" for name in names]
    Path(file).write_text("\n".join(pins) + "\n", "utf-8")


@contextmanager
def running(
    module: str, arguments: Sequence[str], folder: str | Path, health: str
) -> Iterator[str]:
    """Run a program that serves HTTP; it ends with the block.

    Args:
        module: What `python -m` runs.
        arguments: Its arguments; `{port}` in them becomes the port.
        folder: Its working folder.
        health: Path that answers 200 when it is ready.

    Yields:
        Its address.

    Raises:
        RuntimeError: It did not start; the text has what it said last.
    """
    (port,) = free_ports(1)
    command = [sys.executable, "-m", module, *(one.format(port=port) for one in arguments)]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as program:
        try:
            _wait_until_ready(program, f"http://127.0.0.1:{port}{health}")
            yield f"http://127.0.0.1:{port}"
        finally:
            program.terminate()
            program.communicate(timeout=10)


def _wait_until_ready(program: "subprocess.Popen[str]", url: str) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if program.poll() is not None:
            said = (program.communicate()[0] or "").strip().splitlines()
            raise RuntimeError(f"It ended at once: {said[-1] if said else 'without a word'}")
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"It did not answer within {_START_S:g} s.")
