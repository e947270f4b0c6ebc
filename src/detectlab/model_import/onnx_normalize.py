"""ONNX graphs rewritten so that every engine reads them; the results stay the same."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

FLOAT32 = 1  # the format's own numbers for kinds of values
HALVES = {10: "float16", 16: "bfloat16"}
_MOST_ELEMENTS = 4_000_000  # of a constant that is computed ahead


def drop_weights_from_inputs(graph: "GraphProto") -> None:
    """Leave only real inputs among a graph's inputs: older exporters list its weights, too."""
    weights = {tensor.name for tensor in graph.initializer}
    left = [value for value in graph.input if value.name not in weights]
    if len(left) < len(graph.input):
        copies = [type(value).FromString(value.SerializeToString()) for value in left]
        del graph.input[:]
        graph.input.extend(copies)


def make_constant(graph: "GraphProto", name: str, values: tuple[float, ...]) -> None:
    """Replace an input by a constant `(1, N)`.

    Args:
        graph: The graph.
        name: The input.
        values: Its values.
    """
    from onnx import helper, numpy_helper

    given = next(value for value in graph.input if value.name == name)
    kind = helper.tensor_dtype_to_np_dtype(given.type.tensor_type.elem_type)
    graph.initializer.append(numpy_helper.from_array(np.array([values], kind), name))
    drop_weights_from_inputs(graph)


def sort_nodes(graph: "GraphProto") -> bool:
    """Put each operator behind those whose results it takes; whether any had to move.

    The format demands it, yet some converters append theirs at the end.
    """
    makers = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    waiting, takers = {}, defaultdict(list)
    for index, node in enumerate(graph.node):
        needed = {makers[name] for name in _names_used(node) if name in makers} - {index}
        waiting[index] = len(needed)
        for maker in needed:
            takers[maker].append(index)
    if all(maker < taker for maker, all_takers in takers.items() for taker in all_takers):
        return False
    ready = deque(index for index, count in waiting.items() if not count)
    order: list[int] = []
    while ready:
        order.append(ready.popleft())
        for taker in takers[order[-1]]:
            waiting[taker] -= 1
            if not waiting[taker]:
                ready.append(taker)
    if len(order) < len(graph.node):  # a circle: the check of the whole file says so
        return False
    _replace_nodes(graph, [graph.node[index] for index in order])
    return True


def inline_constant_branches(graph: "GraphProto") -> bool:
    """Replace each `If` whose condition is known by the operators of its branch; whether any was.

    Not every engine runs branches, and a branch may use values of the graph around it.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    constants |= {
        node.output[0]: attribute.t
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    nodes: list[NodeProto] = []
    found = False
    for node in graph.node:
        inlined = _branch(graph, node, constants)
        found |= inlined is not None
        nodes += [node] if inlined is None else inlined
    if found:
        _replace_nodes(graph, nodes)
    return found


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
            elif attribute.HasField("g"):
                found |= widen(attribute.g)
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
    used = {name for node in model.graph.node for name in _names_used(node)}
    used |= {output.name for output in model.graph.output}
    left = [tensor for tensor in model.graph.initializer if tensor.name in used]
    model.graph.ClearField("initializer")
    model.graph.initializer.extend(left)
    inferred = {value.name: value for value in infer_shapes(model, data_prop=True).graph.output}
    for output in model.graph.output:
        output.CopyFrom(inferred[output.name])


def _names_used(node: "NodeProto") -> Iterator[str]:
    """What a node takes, in its branches too."""
    yield from node.input
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                yield from _names_used(inner)
            yield from (output.name for output in attribute.g.output)


def _replace_nodes(graph: "GraphProto", nodes: list["NodeProto"]) -> None:
    from onnx import NodeProto

    copies = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)


def _branch(
    graph: "GraphProto", node: "NodeProto", constants: Mapping[str, "TensorProto"]
) -> list["NodeProto"] | None:
    """The operators of the branch that an `If` with a known condition takes, else `None`."""
    from onnx import NodeProto, TensorProto, helper, numpy_helper

    if node.op_type != "If" or node.input[0] not in constants:
        return None
    wanted = bool(numpy_helper.to_array(constants[node.input[0]]).ravel()[0])
    name = "then_branch" if wanted else "else_branch"
    branch = next(attribute.g for attribute in node.attribute if attribute.name == name)
    if any(attribute.HasField("g") for inner in branch.node for attribute in inner.attribute):
        return None
    prefix = f"{node.output[0]}/{name}/"
    own = {tensor.name for tensor in branch.initializer}
    own |= {made for inner in branch.node for made in inner.output}
    names = {inner: prefix + inner for inner in own if inner}
    for tensor in branch.initializer:
        copy = TensorProto.FromString(tensor.SerializeToString())
        copy.name = names[tensor.name]
        graph.initializer.append(copy)
    nodes = []
    for inner in branch.node:
        moved = NodeProto.FromString(inner.SerializeToString())
        moved.input[:] = [names.get(taken, taken) for taken in inner.input]
        moved.output[:] = [names.get(made, made) for made in inner.output]
        nodes.append(moved)
    for output, made in zip(node.output, branch.output, strict=True):
        nodes.append(helper.make_node("Identity", [names.get(made.name, made.name)], [output]))
    return nodes


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
        _replace_nodes(graph, left)
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
