"""ONNX graphs rewritten so that every engine reads them; the results stay the same."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

FLOAT32 = 1  # the format's own numbers for kinds of values
HALVES = {10: "float16", 16: "bfloat16"}


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
        needed = {makers[name] for name in names_used(node) if name in makers} - {index}
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
    replace_nodes(graph, [graph.node[index] for index in order])
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
        replace_nodes(graph, nodes)
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


def names_used(node: "NodeProto") -> Iterator[str]:
    """What a node takes, in its branches too."""
    yield from node.input
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                yield from names_used(inner)
            yield from (output.name for output in attribute.g.output)


def replace_nodes(graph: "GraphProto", nodes: list["NodeProto"]) -> None:
    """Replace the operators of a graph.

    Args:
        graph: The graph.
        nodes: Its new operators, which may be its own.
    """
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
