"""A corpus of ONNX files: small networks in the form of each family, and files of other kinds.

All look at cells of the picture: how red, green and blue is each? What their boxes are is known by
construction. `python tests/onnx_corpus.py FOLDER` writes them.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 320
COLOURS: tuple[str, ...] = ("red", "green", "blue")
MIX = (1.5 * np.eye(3) - 0.5).reshape(3, 3, 1, 1).astype(np.float32)


def vary(seed: int) -> None:
    """Change the size of the input, and the number of classes and their colours, for hold-outs."""
    global SIZE, MIX, COLOURS
    rng = np.random.default_rng(seed)
    SIZE = int(rng.choice([256, 384, 448, 512, 640]))
    count = int(rng.choice([2, 4, 7, 20]))
    mix = rng.normal(size=(count, 3))
    mix -= mix.mean(axis=1, keepdims=True)  # grey is no object
    MIX = (mix / np.abs(mix).max()).reshape(count, 3, 1, 1).astype(np.float32)
    COLOURS = tuple(f"colour {n}" for n in range(count))


class Case(NamedTuple):
    """A file, the decoder that reads it, and what its refusal says when none does."""

    name: str
    content: bytes
    decoder: str = ""
    refusal: str = ""


class Net:
    """A network in the making: nodes and weights by name."""

    def __init__(self, kind: int = TensorProto.FLOAT, shape: Any = None) -> None:
        shape = shape or (1, 3, SIZE, SIZE)
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.inputs = [helper.make_tensor_value_info("images", kind, shape)]

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def put(self, value: Any, kind: type = np.float32) -> str:
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def scores(self, stride: int, source: str = "images") -> str:
        """`(1, classes, n)`: how red, green and blue each cell is, 0 to 1."""
        sides = {"kernel_shape": [stride] * 2, "strides": [stride] * 2}
        mixed = self.add("Conv", self.add("AveragePool", source, **sides), self.put(MIX))
        shape = self.put([1, len(MIX), (SIZE // stride) ** 2], np.int64)
        return self.add("Reshape", self.add("Relu", mixed), shape)

    def turned(self, value: str) -> str:
        return self.add("Transpose", value, perm=[0, 2, 1])

    def model(
        self, opset: int = 17, metadata: dict[str, str] | None = None, **outputs: str
    ) -> bytes:
        for name, value in outputs.items():
            self.nodes.append(helper.make_node("Identity", [value], [name], name=name))
        infos = [helper.make_empty_tensor_value_info(name) for name in outputs]
        graph = helper.make_graph(self.nodes, "corpus", self.inputs, infos, self.weights)
        opsets = [helper.make_opsetid("", opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        inferred = onnx.shape_inference.infer_shapes(model)
        helper.set_model_props(inferred, metadata or {})
        return bytes(inferred.SerializeToString())


def cells(stride: int) -> np.ndarray:
    """`(n, 4)` centre and size of each cell in pixels."""
    side = SIZE // stride
    y, x = np.mgrid[:side, :side]
    centre = (np.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride
    return np.hstack([centre, np.full_like(centre, stride)])


def corners(stride: int) -> np.ndarray:
    boxes = cells(stride)
    return np.hstack([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2])


def by_row(parts: np.ndarray, net: Net) -> str:
    """Boxes as an output; they depend on the picture in form, so that no engine drops them."""
    nothing = net.add("Mul", net.add("ReduceMean", "images", keepdims=0), net.put(0))
    return net.add("Add", net.put(parts[None]), nothing)


def yolov8(scale: float = 1.0, extra: int = 0, logits: bool = False, opset: int = 17) -> bytes:
    net = Net()
    boxes = net.put(cells(32).T[None] * scale)
    scores = net.scores(32)
    if logits:
        scores = net.add("Sub", net.add("Mul", scores, net.put(12)), net.put(6))
    parts = [boxes, scores]
    if extra:
        wide = net.add("Concat", *[scores] * (extra // len(MIX) + 1), axis=1)
        parts.append(net.add("Slice", wide, *[net.put([v], np.int64) for v in (0, extra, 1)]))
        parts[-1] = net.add("Sub", net.add("Mul", parts[-1], net.put(40)), net.put(9))
    return net.model(opset, output0=net.add("Concat", *parts, axis=1))


def yolov5(scale: float = 1.0, gain: float = 1.0, sure: float = 0.9) -> bytes:
    net = Net()
    boxes = cells(32) * scale
    rows = by_row(np.hstack([boxes, np.full((len(boxes), 1), sure)]), net)
    scores = net.add("Mul", net.turned(net.scores(32)), net.put(gain))
    return net.model(output=net.add("Concat", rows, scores, axis=2))


def all_strides(net: Net, strides: tuple[int, ...], source: str = "images") -> str:
    return net.add("Concat", *[net.scores(stride, source) for stride in strides], axis=2)


def yolox(legacy: bool = False, decoded: bool = False) -> bytes:
    net, strides = Net(), (8, 16, 32)
    mean, deviation = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]) if legacy else (0, 255)
    parts = [np.reshape(part, (-1, 1, 1)) for part in (deviation, mean)]
    pixels = net.add("Mul", "images", net.put(parts[0] if legacy else 1 / 255))
    if legacy:
        pixels = net.add("Add", pixels, net.put(parts[1]))
    else:  # BGR
        pixels = net.add("Gather", pixels, net.put([2, 1, 0], np.int64), axis=1)
    count = sum((SIZE // stride) ** 2 for stride in strides)
    boxes = (
        np.concatenate([cells(stride) for stride in strides]) if decoded else np.zeros((count, 4))
    )
    if not decoded:
        boxes[:, :2] = 0.5
    rows = by_row(np.hstack([boxes, np.full((count, 1), 0.9)]), net)
    return net.model(
        output=net.add("Concat", rows, net.turned(all_strides(net, strides, pixels)), axis=2)
    )


def two_outputs(kind: str) -> bytes:
    net = Net()
    if kind in ("ssd", "ssd-255"):
        pixels = net.add("Mul", net.add("Add", "images", net.put(127 / 128)), net.put(128 / 255))
        scores = net.turned(net.scores(32, pixels))
        rest = net.add("ReduceSum", scores, net.put([2], np.int64), keepdims=1)
        background = net.add("Sub", net.put(1), net.add("Min", rest, net.put(1)))
        both = net.add("Concat", background, scores, axis=2)
        factor = 1 / SIZE if kind == "ssd" else 255.0
        return net.model(
            scores=both, boxes=net.add("Mul", by_row(corners(32), net), net.put(factor))
        )
    scores = net.turned(net.scores(32))
    if kind == "detr-logits":
        scores = net.add("Sub", net.add("Mul", scores, net.put(12)), net.put(6))
        return net.model(logits=scores, boxes=by_row(cells(32) / SIZE, net))
    return net.model(scores=scores, boxes=by_row(corners(32), net))


def detr(size_input: bool) -> bytes:
    net = Net()
    scores = net.turned(net.scores(32))
    best = net.add("ReduceMax", scores, axes=[2], keepdims=0)
    labels = net.add("ArgMax", scores, axis=2, keepdims=0)
    boxes = by_row(corners(32) / SIZE if size_input else corners(32), net)
    if not size_input:
        return net.model(labels=labels, boxes=net.add("Mul", boxes, net.put(1)), scores=best)
    net.inputs.append(helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, [1, 2]))
    sizes = net.add("Cast", "orig_target_sizes", to=TensorProto.FLOAT)
    twice = net.add("Concat", sizes, sizes, axis=1)
    scaled = net.add("Mul", boxes, net.add("Unsqueeze", twice, net.put([1], np.int64)))
    return net.model(labels=labels, boxes=scaled, scores=best)


def end_to_end() -> bytes:
    net = Net()
    scores = net.turned(net.scores(32))
    best = net.add("ReduceMax", scores, axes=[2], keepdims=1)
    label = net.add("Cast", net.add("ArgMax", scores, axis=2, keepdims=1), to=TensorProto.FLOAT)
    return net.model(output0=net.add("Concat", by_row(corners(32), net), best, label, axis=2))


def distances(family: str) -> bytes:
    """NanoDet's outputs and PicoDet's; boxes reach one and a half cells' sides at most."""
    net = Net()
    nanodet = family != "picodet"
    if nanodet:
        mean, deviation = [103.53, 116.28, 123.675], [57.375, 57.12, 58.395]
        factor, order = 1 / 255, [2, 1, 0]
    else:
        mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
        factor, order = 1.0, [0, 1, 2]
    shaped = [net.put(np.reshape(part, (1, 3, 1, 1))) for part in (deviation, mean)]
    raw = net.add("Add", net.add("Mul", "images", shaped[0]), shaped[1])
    scaled = net.add("Mul", raw, net.put(factor))
    pixels = net.add("Gather", scaled, net.put(order, np.int64), axis=1)
    strides = (8, 16, 32) if family == "nanodet" else (8, 16, 32, 64)
    scores = [net.turned(net.scores(stride, pixels)) for stride in strides]
    bins = np.full((4, 8), -20.0)
    bins[:, 1] = 20.0
    if family == "nanodet-plus":  # its centres are the corners of cells
        bins[:2, :2] = 20.0, -20.0
    reach = [net.put(np.tile(bins.ravel(), ((SIZE // stride) ** 2, 1))[None]) for stride in strides]
    if family == "nanodet-plus":
        both = [net.add("Concat", *pair, axis=2) for pair in zip(scores, reach, strict=True)]
        return net.model(output=net.add("Concat", *both, axis=1))
    outputs: dict[str, Any] = {f"cls_{s}": value for s, value in zip(strides, scores, strict=True)}
    zero = net.add("Mul", net.add("ReduceMean", "images", keepdims=0), net.put(0))
    outputs |= {
        f"dis_{s}": net.add("Add", value, zero) for s, value in zip(strides, reach, strict=True)
    }
    return net.model(**outputs)


def fastestdet() -> bytes:
    net, side = Net(), SIZE // 16
    pixels = net.add("Gather", "images", net.put([2, 1, 0], np.int64), axis=1)
    grid = net.add("Reshape", net.scores(16, pixels), net.put([1, len(MIX), side, side], np.int64))
    sure = net.add("ReduceMax", grid, axes=[1], keepdims=1)
    classes = net.add("Softmax", net.add("Mul", grid, net.put(9)), axis=1)
    shape = np.zeros((1, 4, side, side))
    shape[:, :2] = np.arctanh(0.5)
    shape[:, 2:] = -np.log(19)  # a twentieth of the input
    return net.model(output=net.add("Concat", sure, net.put(shape), classes, axis=1))


def constant(*shape: int, value: float = 0.3) -> bytes:
    """Outputs that depend on no picture."""
    net = Net()
    nothing = net.add("Mul", net.add("ReduceMean", "images", keepdims=0), net.put(0))
    rng = np.random.default_rng(0)
    return net.model(output0=net.add("Add", net.put(value * rng.random(shape)), nothing))


def classifier() -> bytes:
    net = Net()
    pooled = net.add("GlobalAveragePool", "images")
    return net.model(logits=net.add("Reshape", pooled, net.put([1, 3], np.int64)))


def with_input(kind: int, shape: tuple[Any, ...]) -> bytes:
    net = Net(kind, shape)
    return net.model(output0=net.add("Identity", "images"))


def listed_weights() -> bytes:
    """Weights among the inputs, as old exporters list them."""
    model = onnx.load_from_string(two_outputs("ssd"))
    for tensor in model.graph.initializer:
        info = helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        model.graph.input.append(info)
    return bytes(model.SerializeToString())


def branch() -> bytes:
    """A constant `If` whose branch uses a value from outside, and a weight of its own."""
    net = Net()
    scores = net.scores(32)
    inner = helper.make_graph(
        [helper.make_node("Mul", [scores, "half"], ["halved"])],
        "then",
        [],
        [helper.make_empty_tensor_value_info("halved")],
        [numpy_helper.from_array(np.array(0.5, np.float32), "half")],
    )
    other = helper.make_graph(
        [helper.make_node("Identity", [scores], ["same"])],
        "else",
        [],
        [helper.make_empty_tensor_value_info("same")],
    )
    taken = net.add("If", net.put(True, np.bool_), then_branch=inner, else_branch=other)
    boxes = net.put(cells(32).T[None])
    return net.model(output0=net.add("Concat", boxes, taken, axis=1))


def bomb() -> bytes:
    """A constant of 10^12 numbers."""
    net = Net()
    huge = net.add("ConstantOfShape", net.put([10**6, 10**6], np.int64))
    total = net.add("ReduceSum", huge, keepdims=0)
    return net.model(output0=net.add("Add", net.scores(32), total))


def many_nodes() -> bytes:
    net = Net()
    value = "images"
    for _ in range(21_000):
        value = net.add("Relu", value)
    nodes = [helper.make_node("Identity", [value], ["output0"])]
    out = [helper.make_tensor_value_info("output0", TensorProto.FLOAT, (1, 3, SIZE, SIZE))]
    graph = helper.make_graph(net.nodes + nodes, "long", net.inputs, out)
    return bytes(helper.make_model(graph, ir_version=8).SerializeToString())


def truncated() -> bytes:
    whole = yolov8()
    return whole[: len(whole) // 2]


Make = Callable[[], bytes]
RIGHT: dict[str, tuple[str, Make]] = {
    "yolov8": ("yolov8", yolov8),
    "yolov8-opset13": ("yolov8", lambda: yolov8(opset=13)),
    "yolov8-opset11": ("yolov8", lambda: yolov8(opset=11)),
    "yolov5": ("yolov5", yolov5),
    "yolov7-less-sure": ("yolov5", lambda: yolov5(sure=0.6)),
    "yolox": ("yolox", yolox),
    "yolox-legacy": ("yolox", lambda: yolox(legacy=True)),
    "ssd": ("ssd", lambda: two_outputs("ssd")),
    "ssd-weights-listed": ("ssd", listed_weights),
    "detr-logits": ("detr-logits", lambda: two_outputs("detr-logits")),
    "boxes-scores": ("boxes-scores", lambda: two_outputs("boxes-scores")),
    "detr-one-input": ("detr", lambda: detr(False)),
    "detr-two-inputs": ("detr", lambda: detr(True)),
    "end-to-end": ("end-to-end", end_to_end),
    "nanodet": ("nanodet", lambda: distances("nanodet")),
    "nanodet-plus": ("nanodet-plus", lambda: distances("nanodet-plus")),
    "picodet": ("picodet", lambda: distances("picodet")),
    "fastestdet": ("fastestdet", fastestdet),
    "branch": ("yolov8", branch),
}
WRONG: dict[str, tuple[str, Make]] = {
    "yolov8-logits": ("its scores range from", lambda: yolov8(logits=True)),
    "yolov8-relative": ("boxes (stay|follow)|no box", lambda: yolov8(scale=1 / SIZE)),
    "yolov8-segmentation": ("class names|scores range", lambda: yolov8(extra=32)),
    "yolov8-pose": ("class names|scores range", lambda: yolov8(extra=51)),
    "yolov8-oriented": ("class names|scores range", lambda: yolov8(extra=1)),
    "yolov5-grid-not-decoded": ("boxes (stay|follow)|no box", lambda: yolov5(scale=1 / SIZE)),
    "yolov5-scores-255": ("its scores range from", lambda: yolov5(gain=255)),
    "yolov5-objectness-255": ("its scores range from", lambda: yolov5(sure=255)),
    "ssd-pixels-255": ("boxes (stay|follow)|no box", lambda: two_outputs("ssd-255")),
    "constant-yolov8": ("boxes (stay|follow)", lambda: constant(1, 4 + len(COLOURS), 100)),
    "constant-yolov5": (
        "boxes (stay|follow)|scores range",
        lambda: constant(1, 100, 5 + len(COLOURS)),
    ),
    "constant-map": (
        "do not add up to 1",
        lambda: constant(1, 5 + len(COLOURS), SIZE // 16, SIZE // 16),
    ),
    "not-finite": ("not all finite", lambda: constant(1, 4 + len(COLOURS), 100, value=np.inf)),
    "classifier": ("no decoder reads such outputs", classifier),
    "picture-to-picture": ("no decoder reads such outputs", lambda: with_input(1, (1, 3, 64, 64))),
    "batch-of-8": ("must be one picture", lambda: with_input(1, (8, 3, 64, 64))),
    "grey": ("must be one picture", lambda: with_input(1, (1, 1, 64, 64))),
    "channels-last": ("must be one picture", lambda: with_input(1, (1, 64, 64, 3))),
    "bytes": ("must be one picture", lambda: with_input(TensorProto.UINT8, (1, 3, 64, 64))),
    "sequence": ("four dimensions", lambda: with_input(1, (1, 64))),
    "huge-input": ("at most 4096 x 4096", lambda: with_input(1, (1, 3, 16384, 16384))),
    "million": ("at most 4096 x 4096", lambda: with_input(1, (1, 3, 10**6, 10**6))),
    "many-nodes": (r"21,001 operators", many_nodes),
    "bomb": ("no decoder|cannot be run|not understood|damaged|class names", bomb),
    "truncated": ("is damaged, or no ONNX file", truncated),
    "empty": ("damaged, or no ONNX file", lambda: b""),
    "web-page": ("damaged, or no ONNX file", lambda: b"<!DOCTYPE html><html></html>"),
    "lfs-pointer": (
        "a pointer of Git LFS",
        lambda: b"version https://git-lfs.github.com/spec/v1\n",
    ),
    "noise": ("damaged, or no ONNX file", lambda: np.random.default_rng(0).bytes(3000)),
}


def cases() -> Iterator[Case]:
    """Every file of the corpus."""
    for name, (decoder, make) in RIGHT.items():
        yield Case(name, make(), decoder)
    for name, (refusal, make) in WRONG.items():
        yield Case(name, make(), refusal=refusal)


if __name__ == "__main__":
    for case in cases():
        (Path(sys.argv[1]) / f"{case.name}.onnx").write_bytes(case.content)
