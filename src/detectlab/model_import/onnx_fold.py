"""Constant folding: what depends on no picture is computed when a file is added."""

from typing import TYPE_CHECKING, Any

import numpy as np

from detectlab.model_import.onnx_normalize import (
    inline_constant_branches,
    names_used,
    replace_nodes,
)

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

_MOST_ELEMENTS = 4_000_000  # of a constant that is computed ahead


def fix_size(model: "ModelProto", picture: "ValueInfoProto", size_wh: tuple[int, int]) -> None:
    """Fix the input's shape, and compute now what depends on nothing else.

    Many files compute shapes from the picture in each run, by operators that not every engine gets
    right. With the size fixed they give constants.

    Args:
        model: The model.
        picture: Its input for the picture.
        size_wh: Width and height that the input gets, in pixels.
    """
    from onnx.shape_inference import infer_shapes

    for dim, size in zip(picture.type.tensor_type.shape.dim, (1, 3, *size_wh[::-1]), strict=True):
        dim.dim_value = size
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    while _fold(model, infer_shapes(model, data_prop=True)):
        inline_constant_branches(model.graph)
    used = {name for node in model.graph.node for name in names_used(node)}
    used |= {output.name for output in model.graph.output}
    left = [tensor for tensor in model.graph.initializer if tensor.name in used]
    model.graph.ClearField("initializer")
    model.graph.initializer.extend(left)
    inferred = {value.name: value for value in infer_shapes(model, data_prop=True).graph.output}
    for output in model.graph.output:
        output.CopyFrom(inferred[output.name])


def _fold(model: "ModelProto", inferred: "ModelProto") -> bool:
    """Replace what is constant by its value, once; whether there was anything."""
    from onnx import numpy_helper

    graph = model.graph
    shapes = {value.name: _known_shape(value) for value in inferred.graph.value_info}
    shapes |= {value.name: _known_shape(value) for value in inferred.graph.input}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    results = {output.name for output in graph.output}
    left, found = [], []
    for node in graph.node:
        values = None
        if results.isdisjoint(node.output):
            values = _value_of(node, shapes, constants, model.opset_import)
        if values is None:
            left.append(node)
            continue
        for name, value in zip(node.output, values, strict=True):
            constants[name] = numpy_helper.from_array(np.asarray(value), name)
            found.append(constants[name])
    if found:
        replace_nodes(graph, left)
        graph.initializer.extend(found)
    return bool(found)


def _value_of(
    node: "NodeProto",
    shapes: dict[str, tuple[int, ...] | None],
    constants: dict[str, "TensorProto"],
    opsets: Any,
) -> list[Any] | None:
    """What a node gives, where that depends on no picture."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    shape = shapes.get(node.input[0]) if node.op_type == "Shape" else None
    if shape is not None:
        bounds = {attribute.name: attribute.i for attribute in node.attribute}
        return [np.array(shape[bounds.get("start", 0) : bounds.get("end", len(shape))], np.int64)]
    if any(name and name not in constants for name in node.input):
        return None
    if not node.input and node.op_type != "Constant":
        return None  # such as random numbers
    if any(attribute.HasField("g") for attribute in node.attribute):
        return None
    if not _is_small(node, shapes, constants):
        return None
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output]
    tensors = [constants[name] for name in dict.fromkeys(node.input) if name]
    graph = helper.make_graph([node], "constant", [], outputs, tensors)
    alone = helper.make_model(graph, opset_imports=opsets)
    try:
        with np.errstate(all="ignore"):
            return list(ReferenceEvaluator(alone).run(None, {}))
    except Exception:  # an operator that the reference does not know, or wrong arguments
        return None


def _is_small(
    node: "NodeProto",
    shapes: dict[str, tuple[int, ...] | None],
    constants: dict[str, "TensorProto"],
) -> bool:
    """Whether a node's result is small enough to be stored in the file."""
    from onnx import numpy_helper

    counts = [float(np.prod(shapes.get(name) or (1,), dtype=float)) for name in node.output]
    if node.op_type in ("ConstantOfShape", "Expand", "Tile"):
        sizes = numpy_helper.to_array(constants[node.input[-1]])
        counts.append(float(np.prod(np.abs(sizes), dtype=float)))
    if node.op_type == "Range":
        start, limit, step = (
            float(numpy_helper.to_array(constants[name]).ravel()[0]) for name in node.input
        )
        counts.append(abs((limit - start) / step) if step else np.inf)
    return max(counts, default=0) <= _MOST_ELEMENTS


def _known_shape(value: "ValueInfoProto") -> tuple[int, ...] | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape") or not all(d.HasField("dim_value") for d in tensor.shape.dim):
        return None
    return tuple(d.dim_value for d in tensor.shape.dim)
