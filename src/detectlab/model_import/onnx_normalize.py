"""ONNX graphs rewritten so that every engine reads them; the results stay the same."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

FLOAT32 = 1  # the format's own numbers for kinds of values
HALVES = {10: "float16", 16: "bfloat16"}


def sort_nodes(graph: "GraphProto") -> bool:
    """Put each operator behind those whose results it takes; whether any had to move.

    The format demands it, yet some converters append theirs at the end.
    """
    from onnx import NodeProto

    waiting = [NodeProto.FromString(node.SerializeToString()) for node in graph.node]
    made = {name for node in waiting for name in node.output}
    ordered: list[NodeProto] = []
    while waiting:
        left = []
        for node in waiting:
            if made.isdisjoint(node.input):
                ordered.append(node)
                made.difference_update(node.output)
            else:
                left.append(node)
        if len(left) == len(waiting):  # a circle: the check of the whole file says so
            return False
        waiting = left
    if [node.output for node in ordered] == [node.output for node in graph.node]:
        return False
    del graph.node[:]
    graph.node.extend(ordered)
    return True


def widen(graph: "GraphProto") -> set[str]:
    """Make everything of half precision float32, and name the kinds that there were."""
    found: set[str] = set()

    def widen_tensor(tensor: "TensorProto") -> None:
        from onnx import numpy_helper

        if tensor.data_type in HALVES:
            found.add(HALVES[tensor.data_type])
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    for value in (*graph.input, *graph.output):
        tensor_type = value.type.tensor_type
        if tensor_type.elem_type in HALVES:
            found.add(HALVES[tensor_type.elem_type])
            tensor_type.elem_type = FLOAT32
    for tensor in graph.initializer:
        widen_tensor(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                widen_tensor(attribute.t)
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i in HALVES:
                found.add(HALVES[attribute.i])
                attribute.i = FLOAT32
    if found:
        del graph.value_info[:]  # they tell the old kinds; engines find out by themselves
    return found


def fix_size(model: "ModelProto", picture: "ValueInfoProto", size_wh: tuple[int, int]) -> None:
    """Fix the input's shape, and compute now what depends on nothing else.

    Many files compute shapes from the picture in each run, by operators that not every engine gets
    right. With the size fixed they give constants.
    """
    from onnx.shape_inference import infer_shapes

    for dim, size in zip(picture.type.tensor_type.shape.dim, (1, 3, *size_wh[::-1]), strict=True):
        dim.dim_value = size
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    while _fold(model, infer_shapes(model, data_prop=True)):
        pass
    used = {name for node in model.graph.node for name in node.input}
    left = [tensor for tensor in model.graph.initializer if tensor.name in used]
    model.graph.ClearField("initializer")
    model.graph.initializer.extend(left)
    inferred = infer_shapes(model, data_prop=True)
    model.graph.output[0].CopyFrom(inferred.graph.output[0])


def _fold(model: "ModelProto", inferred: "ModelProto") -> bool:
    """Replace what is constant by its value, once; whether there was anything."""
    from onnx import NodeProto, numpy_helper

    graph = model.graph
    shapes = {value.name: _known_shape(value) for value in inferred.graph.value_info}
    shapes |= {value.name: _known_shape(value) for value in inferred.graph.input}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    left, found = [], []
    for node in graph.node:
        values = _value_of(node, shapes, constants, model.opset_import)
        if values is None:
            left.append(NodeProto.FromString(node.SerializeToString()))
            continue
        for name, value in zip(node.output, values, strict=True):
            constants[name] = numpy_helper.from_array(np.asarray(value), name)
            found.append(constants[name])
    del graph.node[:]
    graph.node.extend(left)
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
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output]
    tensors = [constants[name] for name in dict.fromkeys(node.input) if name]
    graph = helper.make_graph([node], "constant", [], outputs, tensors)
    alone = helper.make_model(graph, opset_imports=opsets)
    return list(ReferenceEvaluator(alone).run(None, {}))


def _known_shape(value: "ValueInfoProto") -> tuple[int, ...] | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape") or not all(d.HasField("dim_value") for d in tensor.shape.dim):
        return None
    return tuple(d.dim_value for d in tensor.shape.dim)
