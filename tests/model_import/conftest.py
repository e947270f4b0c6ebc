"""Small ONNX detectors whose boxes are known by construction."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from detectlab.model_import.examine import examine
from detectlab.settings import Settings

CELL = 32
Node = tuple[str, list[str], str, dict[str, Any]]  # operator, inputs, output, attributes
COLOURS = ("red", "green", "blue")
MakeOnnx = Callable[..., Path]


def _centres(axis: str, source: str) -> list[Node]:
    return [
        ("Mul", [source, "cell"], f"end_{axis}", {}),
        ("Sub", [f"end_{axis}", "half_a_cell"], f"centre_{axis}", {}),
        ("Reshape", [f"centre_{axis}", "by_box"], f"flat_{axis}", {}),
    ]


def cell_detector(
    layout: str, size_wh: tuple[int, int], objectness: float, open_size: bool, half: bool
) -> onnx.GraphProto:
    """A network that looks at cells of 32 x 32 pixels: how red, green and blue is each?

    Its boxes are the cells themselves, and a score is how much one colour exceeds the mean of the
    two others: a red cell has 1, 0, 0, and a grey one 0, 0, 0.
    """
    kind, real = (TensorProto.FLOAT16, np.float16) if half else (TensorProto.FLOAT, np.float32)
    width, height = size_wh
    channels = 3 + len(COLOURS) + (1 if layout == "yolov8" else 2)
    weights = {
        "mix": (1.5 * np.eye(3) - 0.5).reshape(3, 3, 1, 1).astype(real),
        "by_channel": np.array([1, 3, -1], np.int64),
        "by_box": np.array([1, 1, -1], np.int64),
        "cell": np.array(CELL, real),
        "half_a_cell": np.array(CELL / 2, real),
        "objectness": np.array(objectness, real),
        "nothing": np.array(0, real),
        "sides": np.array([2, 3], np.int64),
        "rows": np.array(0, np.int64),
        "columns": np.array(1, np.int64),
    }
    one = helper.make_tensor("one", kind, [1], [1.0])
    nodes: list[Node] = [
        ("AveragePool", ["images"], "cells", {"kernel_shape": [CELL] * 2, "strides": [CELL] * 2}),
        ("Conv", ["cells", "mix"], "mixed", {}),
        ("Relu", ["mixed"], "colours", {}),
        ("Reshape", ["colours", "by_channel"], "scores", {}),
        # As exporters write it for an open size: the grid comes from the picture's shape.
        ("Shape", ["cells"], "shape", {}),
        ("Gather", ["shape", "sides"], "grid_shape", {}),
        ("ConstantOfShape", ["grid_shape"], "ones", {"value": one}),
        ("CumSum", ["ones", "columns"], "nth_column", {}),
        ("CumSum", ["ones", "rows"], "nth_row", {}),
        *_centres("x", "nth_column"),
        *_centres("y", "nth_row"),
        ("Mul", ["flat_x", "nothing"], "zeros", {}),
        # Two of them, because OpenCV does not join a constant with itself.
        ("Add", ["zeros", "cell"], "wide", {}),
        ("Add", ["zeros", "cell"], "high", {}),
    ]
    if layout == "yolov8":
        parts = ["flat_x", "flat_y", "wide", "high", "scores"]
        nodes.append(("Concat", parts, "output0", {"axis": 1}))
    else:
        nodes += [
            ("Add", ["zeros", "objectness"], "sure", {}),
            ("Concat", ["flat_x", "flat_y", "wide", "high", "sure", "scores"], "c", {"axis": 1}),
            ("Transpose", ["c"], "output0", {"perm": [0, 2, 1]}),
        ]
    shape: list[Any] = ["batch", 3, "height", "width"] if open_size else [1, 3, height, width]
    count = "boxes" if open_size else (width // CELL) * (height // CELL)
    found = [1, channels, count] if layout == "yolov8" else [1, count, channels]
    return helper.make_graph(
        [helper.make_node(op, inputs, [output], **more) for op, inputs, output, more in nodes],
        "cells",
        [helper.make_tensor_value_info("images", kind, shape)],
        [helper.make_tensor_value_info("output0", kind, found)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )


@pytest.fixture
def make_onnx(tmp_path: Path) -> MakeOnnx:
    """Makes files of such networks."""

    def make(
        name: str = "cells.onnx",
        layout: str = "yolov8",
        size_wh: tuple[int, int] = (320, 320),
        objectness: float = 0.8,
        open_size: bool = False,
        half: bool = False,
        opset: int = 17,
        **metadata: str,
    ) -> Path:
        graph = cell_detector(layout, size_wh, objectness, open_size, half)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8
        metadata.setdefault("names", str(dict(enumerate(COLOURS))))
        helper.set_model_props(model, {key: value for key, value in metadata.items() if value})
        file = tmp_path / name
        onnx.save(model, file)
        return file

    return make


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """Settings with a cache of their own, and no network."""
    return Settings(home=tmp_path / "home", offline=True)


@pytest.fixture(autouse=True)
def examine_here(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Examine files in the test's own process, where a test is not about the isolation."""
    if "isolated" not in request.keywords:
        monkeypatch.setattr("detectlab.model_import.add.examine_isolated", examine)


@pytest.fixture(scope="session")
def paint() -> Callable[..., NDArray[np.uint8]]:
    """Makes grey pictures with coloured rectangles, given as colour and corners."""

    def make(
        size_wh: tuple[int, int], *rectangles: tuple[str, int, int, int, int]
    ) -> NDArray[np.uint8]:
        picture = np.full((size_wh[1], size_wh[0], 3), 114, np.uint8)
        for colour, left, top, right, bottom in rectangles:
            bgr = np.zeros(3, np.uint8)
            bgr[2 - COLOURS.index(colour)] = 255
            picture[top:bottom, left:right] = bgr
        return picture

    return make


@pytest.fixture
def save_in_parts(tmp_path: Path) -> Callable[[onnx.ModelProto], Path]:
    """Saves a model whose weights are in `parts.bin` beside it, and says where it is."""

    def save(model: onnx.ModelProto) -> Path:
        file = tmp_path / "parts.onnx"
        onnx.save(model, file, save_as_external_data=True, location="parts.bin", size_threshold=0)
        return file

    return save
