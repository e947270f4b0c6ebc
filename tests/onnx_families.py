"""More kinds of ONNX files: of other families and exporters, and what only looks like them.

Made of the same cells as `onnx_corpus`, whose size, classes and colours hold here, too.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_corpus as corpus
from onnx import TensorProto, helper
from onnx_corpus import Net, by_row, cells, corners

STRIDES = (8, 16, 32)
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def pixels_of(net: Net, order: str = "rgb", factor: float = 1.0, imagenet: bool = False) -> str:
    """The picture from 0 to 1 in RGB, from what the network takes."""
    value = "images"
    if imagenet:
        mean, deviation = (
            np.reshape(part[:: 1 if order == "rgb" else -1], (1, 3, 1, 1))
            for part in (MEAN, DEVIATION)
        )
        value = net.add("Add", net.add("Mul", value, net.put(deviation)), net.put(mean))
    elif factor != 1:
        value = net.add("Mul", value, net.put(factor))
    if order == "bgr":
        value = net.add("Gather", value, net.put([2, 1, 0], np.int64), axis=1)
    return value


def grid_rows(net: Net, sure: float, source: str) -> str:
    """`(1, N, 5 + classes)` in pixels, with a row for each cell of three strides."""
    boxes = np.concatenate([cells(stride) for stride in STRIDES])
    rows = by_row(np.hstack([boxes, np.full((len(boxes), 1), sure)]), net)
    scores = net.turned(corpus.all_strides(net, STRIDES, source))
    return net.add("Concat", rows, scores, axis=2)


def yolox_decoded() -> bytes:
    net = Net()
    return net.model(output=grid_rows(net, 0.9, pixels_of(net, "bgr", 1 / 255)))


def yolov6() -> bytes:
    net = Net()
    return net.model(outputs=grid_rows(net, 1.0, "images"))


def best_of(net: Net, scores: str) -> tuple[str, str]:
    """`(1, n, 1)` score and class of each cell."""
    best = net.add("ReduceMax", scores, axes=[2], keepdims=1)
    label = net.add("ArgMax", scores, axis=2, keepdims=1)
    return best, net.add("Cast", label, to=TensorProto.FLOAT)


def finished(form: str, boxes: np.ndarray | None = None) -> bytes:
    """A row for each object, in the form of an exporter."""
    net = Net()
    if form == "paddle":
        net.inputs.append(
            helper.make_tensor_value_info("scale_factor", TensorProto.FLOAT, ["n", 2])
        )
    mmdet = form == "mmdet"
    source = pixels_of(net, "bgr", imagenet=True) if mmdet else "images"
    if mmdet:  # mean and deviation for pixels from 0 to 255
        source = net.add("Mul", source, net.put(1.0))
    scores = net.turned(net.scores(32, source))
    best, label = best_of(net, scores)
    xyxy = by_row(corners(32) if boxes is None else boxes, net)
    count = len(cells(32))
    if mmdet:
        flat = net.add("Reshape", label, net.put([1, count], np.int64))
        labels = net.add("Cast", flat, to=TensorProto.INT64)
        return net.model(dets=net.add("Concat", xyxy, best, axis=2), labels=labels)
    if form == "torchvision":
        parts: dict[str, Any] = {
            name: net.add("Reshape", value, net.put(shape, np.int64))
            for name, value, shape in (
                ("boxes", xyxy, [count, 4]),
                ("labels", net.add("Add", label, net.put(1)), [count]),
                ("scores", best, [count]),
            )
        }
        parts["labels"] = net.add("Cast", parts["labels"], to=TensorProto.INT64)
        return net.model(**parts)
    if form == "end-to-end":
        return net.model(output0=net.add("Concat", xyxy, best, label, axis=2))
    if form == "yolov7":
        number = net.add("Mul", best, net.put(0))
        rows = net.add("Concat", number, xyxy, label, best, axis=2)
        return net.model(output=net.add("Reshape", rows, net.put([count, 7], np.int64)))
    factor = net.add("Concat", "scale_factor", "scale_factor", axis=1)
    xyxy = net.add("Div", xyxy, net.add("Unsqueeze", factor, net.put([1], np.int64)))
    rows = net.add("Concat", label, best, xyxy, axis=2)
    flat = net.add("Reshape", rows, net.put([count, 6], np.int64))
    total = net.add("Cast", net.add("ReduceSum", best, keepdims=0), to=TensorProto.INT32)
    return net.model(nms=flat, nms_count=net.add("Reshape", total, net.put([1], np.int64)))


def with_nms() -> bytes:
    """The operator NonMaxSuppression inside, as Ultralytics and others export it."""
    net = Net()
    scores = net.scores(32)
    boxes = by_row(corners(32), net)
    limits = [net.put([300], np.int64), net.put([0.5]), net.put([0.2])]
    chosen = net.add("NonMaxSuppression", boxes, scores, *limits)
    where = net.add("Gather", chosen, net.put([2], np.int64), axis=1)
    flat = net.add("Reshape", where, net.put([-1], np.int64))
    label = net.add("Gather", chosen, net.put([1], np.int64), axis=1)
    best = net.add("Reshape", net.add("GatherND", scores, chosen), net.put([1, -1, 1], np.int64))
    parts = [
        net.add("Gather", boxes, flat, axis=1),
        best,
        net.add("Unsqueeze", net.add("Cast", label, to=TensorProto.FLOAT), net.put([0], np.int64)),
    ]
    return net.model(output0=net.add("Concat", *parts, axis=2))


def scores_apart(boxes: np.ndarray, form: str = "rows", background: bool = False) -> bytes:
    """Boxes and scores in two outputs: scores in rows or in columns."""
    net = Net()
    scores = net.scores(32)
    if form == "rows":
        scores = net.turned(scores)
    if background:
        rest = net.add("ReduceMax", scores, axes=[2], keepdims=1)
        scores = net.add("Concat", net.add("Sub", net.put(1), rest), scores, axis=2)
    return net.model(boxes=by_row(boxes, net), scores=scores)


def hugging_face() -> bytes:
    net = Net()
    scores = net.turned(net.scores(32, pixels_of(net, imagenet=True)))
    logits = net.add("Mul", net.add("Sub", scores, net.put(0.3)), net.put(12))
    nothing = net.put(np.zeros((1, len(cells(32)), 1)))
    return net.model(
        logits=net.add("Concat", logits, nothing, axis=2),
        pred_boxes=by_row(cells(32) / corpus.SIZE, net),
    )


def rows_of(boxes: np.ndarray, sure: float | None = None, columns: bool = False) -> bytes:
    """`(1, N, 4 + classes)`, with an objectness, or as columns."""
    net = Net()
    scores = net.scores(32)
    if columns:
        return net.model(output0=net.add("Concat", net.put(boxes.T[None]), scores, axis=1))
    parts = boxes if sure is None else np.hstack([boxes, np.full((len(boxes), 1), sure)])
    return net.model(output=net.add("Concat", by_row(parts, net), net.turned(scores), axis=2))


def quantised() -> bytes:
    """YOLOv8 with the pairs of operators that static quantisation puts in."""
    net = Net()
    scale, zero = net.put(1 / 255), net.put(0, np.uint8)
    bytes_ = net.add("QuantizeLinear", "images", scale, zero)
    scores = net.scores(32, net.add("DequantizeLinear", bytes_, scale, zero))
    return net.model(output0=net.add("Concat", net.put(cells(32).T[None]), scores, axis=1))


def quantised_in_each_run() -> bytes:
    """YOLOv8 with the convolution that dynamic quantisation puts in."""
    net = Net()
    sides = {"kernel_shape": [32, 32], "strides": [32, 32]}
    pooled = net.add("AveragePool", "images", **sides)
    parts = ["numbers", "factor", "zero"]
    net.nodes.append(helper.make_node("DynamicQuantizeLinear", [pooled], parts))
    mix = net.put(np.round(2 * corpus.MIX), np.int8)
    mixed = net.add("Cast", net.add("ConvInteger", "numbers", mix, "zero"), to=TensorProto.FLOAT)
    halved = net.add("Mul", net.add("Mul", mixed, "factor"), net.put(0.5))
    shape = net.put([1, len(corpus.MIX), len(cells(32))], np.int64)
    scores = net.add("Reshape", net.add("Relu", halved), shape)
    return net.model(output0=net.add("Concat", net.put(cells(32).T[None]), scores, axis=1))


def map_of(stride: int, channels: int, kind: str) -> bytes:
    """One map: classes of each pixel (softmax), peaks (sigmoid), or distances (relu)."""
    net = Net()
    rng = np.random.default_rng(channels)
    sides = {"kernel_shape": [stride] * 2, "strides": [stride] * 2}
    kernel = net.put(8 * rng.normal(size=(channels, 3, 1, 1)))
    mixed = net.add("Conv", net.add("AveragePool", "images", **sides), kernel)
    end = {"softmax": {"axis": 1}}.get(kind, {})
    return net.model(output=net.add(kind.capitalize(), mixed, **end))


def raw_heads(dimensions: int) -> bytes:
    """Maps of three strides, as YOLOv5 and v7 give them without their last layer."""
    net = Net()
    rng, width = np.random.default_rng(0), 5 + len(corpus.MIX)
    outputs: dict[str, Any] = {}
    for stride in STRIDES:
        sides = {"kernel_shape": [stride] * 2, "strides": [stride] * 2}
        kernel = net.put(rng.normal(size=(3 * width, 3, 1, 1)))
        head = net.add("Conv", net.add("AveragePool", "images", **sides), kernel)
        if dimensions == 5:
            side = corpus.SIZE // stride
            shaped = net.add("Reshape", head, net.put([1, 3, width, side, side], np.int64))
            head = net.add("Transpose", shaped, perm=[0, 1, 3, 4, 2])
        outputs[f"head_{stride}"] = head
    return net.model(**outputs)


def two_heads() -> bytes:
    net = Net()
    both = [net.add("Concat", net.put(cells(32).T[None]), net.scores(32), axis=1) for _ in range(2)]
    return net.model(output0=both[0], output1=net.add("Mul", both[1], net.put(1)))


def sequence(length: int, width: int, softmax: bool) -> bytes:
    """A row of numbers for each step: characters of a line, or tokens of a picture."""
    net = Net()
    rng = np.random.default_rng(length)
    pooled = net.add("Reshape", net.add("GlobalAveragePool", "images"), net.put([1, 3], np.int64))
    flat = net.add("MatMul", pooled, net.put(5 * rng.normal(size=(3, length * width))))
    rows = net.add("Reshape", flat, net.put([1, length, width], np.int64))
    return net.model(output=net.add("Softmax", rows, axis=2) if softmax else rows)


def corner_and_size() -> np.ndarray:
    boxes = cells(32)
    return np.hstack([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, 2:]])


def swapped(boxes: np.ndarray) -> np.ndarray:
    """Rows and columns the other way round, as TensorFlow has them."""
    return boxes[:, [1, 0, 3, 2]]


Make = Callable[[], bytes]
# OpenCV lacks an operator of these.
ONE_ENGINE = {"yolov8-nms": "openvino", "yolov8-dynamic-int8": "openvino"}
RIGHT: dict[str, tuple[str, Make]] = {
    "yolox-decoded": ("yolov5", yolox_decoded),
    "yolov6": ("yolov5", yolov6),
    "yolov7-end2end": ("end-to-end-7", lambda: finished("yolov7")),
    "yolov8-nms": ("end-to-end", with_nms),
    "yolov8-int8": ("yolov8", quantised),
    "yolov8-dynamic-int8": ("yolov8", quantised_in_each_run),
    "ppyoloe": ("paddle", lambda: finished("paddle")),
    "ppyoloe-without-nms": ("boxes-scores", lambda: scores_apart(corners(32), "columns")),
    "rtmdet": ("mmdet", lambda: finished("mmdet")),
    "rtdetr-rows": ("detr-rows", lambda: rows_of(cells(32) / corpus.SIZE)),
    "detr-softmax": ("detr-softmax", hugging_face),
}
_NOT_READ = "no decoder reads|class names|boxes (stay|follow)|no box|scores range|not understood"
WRONG: dict[str, tuple[str, Make]] = {
    # Labels from 0 or from 1: the pictures do not tell.
    "torchvision": ("detr and torchvision both fit", lambda: finished("torchvision")),
    "yolov8-corners": (_NOT_READ, lambda: rows_of(corners(32), columns=True)),
    "yolov8-corner-and-size": (_NOT_READ, lambda: rows_of(corner_and_size(), columns=True)),
    "yolov8-swapped": (_NOT_READ, lambda: rows_of(swapped(cells(32)), columns=True)),
    "yolov8-twice-as-large": (_NOT_READ, lambda: rows_of(2 * cells(32), columns=True)),
    "yolov8-half-as-large": (_NOT_READ, lambda: rows_of(cells(32) / 2, columns=True)),
    "yolov5-corners": (_NOT_READ, lambda: rows_of(corners(32), sure=0.9)),
    "yolov5-swapped": (_NOT_READ, lambda: rows_of(swapped(cells(32)), sure=0.9)),
    "end-to-end-centres": (_NOT_READ, lambda: finished("end-to-end", cells(32))),
    "end-to-end-corner-and-size": (_NOT_READ, lambda: finished("end-to-end", corner_and_size())),
    "end-to-end-relative": (_NOT_READ, lambda: finished("end-to-end", corners(32) / corpus.SIZE)),
    "end-to-end-swapped": (_NOT_READ, lambda: finished("end-to-end", swapped(corners(32)))),
    "paddle-swapped": (_NOT_READ, lambda: finished("paddle", swapped(corners(32)))),
    "mmdet-centres": (_NOT_READ, lambda: finished("mmdet", cells(32))),
    "boxes-scores-centres": (_NOT_READ, lambda: scores_apart(cells(32))),
    "boxes-scores-swapped": (_NOT_READ, lambda: scores_apart(swapped(corners(32)))),
    "ssd-swapped": (
        _NOT_READ,
        lambda: scores_apart(swapped(corners(32)) / corpus.SIZE, background=True),
    ),
    "ssd-offsets": (
        _NOT_READ,
        lambda: scores_apart(np.random.default_rng(0).normal(size=cells(32).shape)),
    ),
    "segmentation-map-16": (_NOT_READ, lambda: map_of(16, 5 + len(corpus.MIX), "softmax")),
    "segmentation-map-1": (_NOT_READ, lambda: map_of(1, 5 + len(corpus.MIX), "softmax")),
    "heat-map-16": (_NOT_READ, lambda: map_of(16, 5 + len(corpus.MIX), "sigmoid")),
    "heat-map-4": (_NOT_READ, lambda: map_of(4, len(corpus.MIX), "sigmoid")),
    "depth-map": (_NOT_READ, lambda: map_of(1, 1, "relu")),
    "yolov5-raw-maps": (_NOT_READ, lambda: raw_heads(5)),
    "yolov7-raw-maps": (_NOT_READ, lambda: raw_heads(4)),
    "yolov9-two-heads": (_NOT_READ, two_heads),
    "characters": (_NOT_READ, lambda: sequence(40, 5 + len(corpus.MIX), True)),
    "tokens": (_NOT_READ, lambda: sequence(197, 768, False)),
}
