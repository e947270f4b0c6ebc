"""Build the ONNX graph of a Darknet network, layer by layer."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectlab.engines.darknet_onnx.config import Section
from detectlab.engines.darknet_onnx.head import add_head
from detectlab.engines.darknet_onnx.nodes import Nodes, Value
from detectlab.engines.darknet_onnx.weights import Weights

_EPSILON = np.float32(1e-6)  # of batch normalisation, as in OpenCV
# Unsupported options, with the only value that is accepted.
_UNUSED = {"dilation": 1, "flipped": 0, "xnor": 0, "binary": 0, "antialiasing": 0}
_ACTIVATIONS = {"relu": "Relu", "mish": "Mish", "logistic": "Sigmoid", "tanh": "Tanh"}


class Graph:
    """An ONNX graph that computes what a Darknet network does.

    Args:
        sections: The configuration.
        weights: The weights; each layer takes its own.
        input_size_wh: Width and height of the input in pixels.

    Attributes:
        layers: Output of each layer of the configuration, in its order.

    Raises:
        ValueError: When a layer is not supported, or does not fit those before it.
    """

    def __init__(
        self, sections: Sequence[Section], weights: Weights, input_size_wh: tuple[int, int]
    ) -> None:
        self.layers: list[Value] = []
        self._weights = weights
        self._nodes = Nodes()
        width, height = input_size_wh
        self._source = Value("picture", sections[0].integer("channels", 3), height, width)
        for section in sections[1:]:
            for key, unused in _UNUSED.items():
                if section.number(key, unused) != unused:
                    raise section.wrong(f"`{key}` is not supported")
            add = _LAYERS.get(section.kind)
            if add is None:
                raise section.wrong(f"this layer is not supported; these are: {', '.join(_LAYERS)}")
            self.layers.append(add(self, section))
        kinds = [section.kind for section in sections[1:]]
        self._heads = [
            layer for layer, kind in zip(self.layers, kinds, strict=True) if kind == "yolo"
        ]
        if not self._heads:
            raise sections[0].wrong("the network has no [yolo] layer")

    def model(self) -> Any:
        """Return the whole model; see `to_onnx` for its input and output."""
        return self._nodes.model(self._source, self._heads)

    def _convolutional(self, section: Section) -> Value:
        before, filters, size = self._before(), section.integer("filters"), section.integer("size")
        groups, stride = section.integer("groups", 1), section.integer("stride", 1)
        if before.channels % groups or filters % groups:
            raise section.wrong(f"{before.channels} channels cannot be cut into {groups} groups")
        pad = size // 2 if section.integer("pad", 0) else section.integer("padding", 0)
        kernel, bias = self._kernel(
            (filters, before.channels // groups, size, size),
            section.integer("batch_normalize", 0) == 1,
        )
        name = self._nodes.add(
            "Conv",
            before.name,
            self._nodes.floats(kernel),
            self._nodes.floats(bias),
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[pad] * 4,
            group=groups,
        )
        height, width = ((side + 2 * pad - size) // stride + 1 for side in before[2:])
        return Value(self._activated(name, section), filters, height, width)

    def _kernel(
        self, shape: tuple[int, int, int, int], is_normalised: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Kernel and bias of a convolution, with its batch normalisation folded in."""
        filters = shape[0]
        bias = self._weights.take(filters)
        if not is_normalised:
            return self._weights.take(*shape), bias
        scale, mean, variance = (self._weights.take(filters) for _ in range(3))
        factor = scale / np.sqrt(variance + _EPSILON)
        kernel = self._weights.take(*shape) * factor[:, None, None, None]
        return kernel, bias - mean * factor

    def _maxpool(self, section: Section) -> Value:
        before, stride = self._before(), section.integer("stride", 1)
        size = section.integer("size", stride)
        padding = section.integer("padding", size - 1)
        first, last = padding // 2, padding - padding // 2
        name = self._nodes.add(
            "MaxPool",
            before.name,
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[first, first, last, last],
        )
        height, width = ((side + padding - size) // stride + 1 for side in before[2:])
        return Value(name, before.channels, height, width)

    def _route(self, section: Section) -> Value:
        parts = [self._layer(index, section) for index in section.integers("layers")]
        groups, group = section.integer("groups", 1), section.integer("group_id", 0)
        if any(part.channels % groups for part in parts) or not 0 <= group < groups:
            raise section.wrong(f"there is no group {group} of {groups} in the layers' channels")
        if groups > 1:
            parts = [self._group(part, groups, group) for part in parts]
        if len({part[2:] for part in parts}) > 1:
            raise section.wrong("the layers differ in height or width")
        if len(parts) == 1:
            return parts[0]
        name = self._nodes.add("Concat", *(part.name for part in parts), axis=1)
        return parts[0]._replace(name=name, channels=sum(part.channels for part in parts))

    def _group(self, value: Value, groups: int, group: int) -> Value:
        channels = value.channels // groups
        name = self._nodes.slice(value.name, start=group * channels, stop=(group + 1) * channels)
        return value._replace(name=name, channels=channels)

    def _shortcut(self, section: Section) -> Value:
        before, other = self._before(), self._layer(section.integer("from"), section)
        if other[1:] != before[1:]:
            raise section.wrong("the two layers differ in shape")
        name = self._nodes.add("Add", before.name, other.name)
        return before._replace(name=self._activated(name, section))

    def _upsample(self, section: Section) -> Value:
        before, stride = self._before(), section.integer("stride", 2)
        name = self._nodes.add(
            "Resize",
            before.name,
            "",
            self._nodes.floats([1, 1, stride, stride]),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        return Value(name, before.channels, before.height * stride, before.width * stride)

    def _dropout(self, section: Section) -> Value:
        return self._before()  # inference drops nothing

    def _yolo(self, section: Section) -> Value:
        return add_head(self._nodes, section, cells=self._before(), source=self._source)

    def _activated(self, name: str, section: Section) -> str:
        activation = section.text("activation", "linear")
        if activation == "linear":
            return name
        if activation == "leaky":
            return self._nodes.add("LeakyRelu", name, alpha=0.1)
        if activation == "swish":
            return self._nodes.add("Mul", name, self._nodes.add("Sigmoid", name))
        if activation not in _ACTIVATIONS:
            known = ", ".join(["linear", "leaky", "swish", *_ACTIVATIONS])
            raise section.wrong(
                f"`activation` must be one of {known}. Received: {activation!r:.40}"
            )
        return self._nodes.add(_ACTIVATIONS[activation], name)

    def _before(self) -> Value:
        return self.layers[-1] if self.layers else self._source

    def _layer(self, index: int, section: Section) -> Value:
        """Output of a layer by its index in the configuration; negative indices count back."""
        place = index + len(self.layers) if index < 0 else index
        if not 0 <= place < len(self.layers):
            raise section.wrong(f"there is no layer {index} before this one")
        return self.layers[place]


_LAYERS: dict[str, Callable[[Graph, Section], Value]] = {
    "convolutional": Graph._convolutional,
    "maxpool": Graph._maxpool,
    "route": Graph._route,
    "shortcut": Graph._shortcut,
    "upsample": Graph._upsample,
    "dropout": Graph._dropout,
    "yolo": Graph._yolo,
}
