"""Nodes and constants of an ONNX graph under construction."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

_OPSET, _IR_VERSION = 18, 8  # Mish came with opset 18


class Value(NamedTuple):
    """Output of a layer.

    Attributes:
        name: Its name in the graph.
        channels: Number of channels; of a head, values in a row.
        height: Height of the feature map; of a head, number of rows.
        width: Width of the feature map; of a head, 1.
    """

    name: str
    channels: int
    height: int
    width: int


class Nodes:
    """Nodes, each named after its operator and index, and their constants."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node.

        Args:
            operator: Its ONNX operator.
            inputs: Names of its inputs.
            attributes: Its attributes.

        Returns:
            The name of its output.
        """
        name = f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def floats(self, numbers: ArrayLike) -> str:
        """Add a float32 constant, and return its name."""
        return self._keep(np.asarray(numbers, np.float32))

    def integers(self, *numbers: int) -> str:
        """Add an int64 constant, and return its name."""
        return self._keep(np.array(numbers, np.int64))

    def slice(self, name: str, *, start: int, stop: int) -> str:
        """Slice a value along its second axis.

        Args:
            name: The value.
            start: First index.
            stop: Index after the last.

        Returns:
            The name of the slice.
        """
        axis = 1
        return self.add("Slice", name, *(self.integers(n) for n in (start, stop, axis)))

    def model(self, source: Value, heads: list[Value]) -> Any:
        """Build the model.

        Args:
            source: Its input.
            heads: Their rows, concatenated, are its output `rows`.

        Returns:
            The model, as `onnx.ModelProto`.
        """
        count, numbers = sum(head.height for head in heads), heads[0].channels
        joined = helper.make_node("Concat", [head.name for head in heads], ["rows"], axis=0)
        graph = helper.make_graph(
            [*self._nodes, joined],
            "darknet",
            [helper.make_tensor_value_info(source.name, TensorProto.FLOAT, (1, *source[1:]))],
            [helper.make_tensor_value_info("rows", TensorProto.FLOAT, (count, numbers))],
            self._constants,
        )
        opset = helper.make_opsetid("", _OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)

    def _keep(self, numbers: NDArray[Any]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(numbers, name))
        return name
