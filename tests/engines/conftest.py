"""Darknet networks that the tests write themselves: configurations, and weights for them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detectlab.engines.darknet_onnx.config import read_config
from detectlab.engines.darknet_onnx.graph import Graph

ANCHORS = "10,14, 23,27, 37,58, 81,82, 135,169, 344,319, 100,50, 50,100, 200,200"


class Numbers:
    """Makes the numbers that a network asks for, instead of reading them, and keeps them."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._taken_of_layer = 0
        self.taken: list[np.ndarray] = []

    def take(self, *shape: int) -> np.ndarray:
        if len(shape) == 1:  # bias; and where there is normalisation, scale, mean, variance
            self._taken_of_layer += 1
            is_around_zero = self._taken_of_layer in (1, 3)
            low, high = (-0.3, 0.3) if is_around_zero else (0.5, 1.5)
            numbers = self._rng.uniform(low, high, shape)
        else:
            self._taken_of_layer = 0
            # Small enough for sums of many residual blocks to stay small.
            numbers = self._rng.normal(0, (0.7 / np.prod(shape[1:])) ** 0.5, shape)
        self.taken.append(numbers.astype("<f4"))
        return self.taken[-1]


@pytest.fixture(scope="session")
def make_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes weights for a configuration, each seed others."""

    def make(config: Path, seed: int = 0) -> Path:
        numbers = Numbers(seed)
        Graph(read_config(config), numbers, (64, 64))  # type: ignore[arg-type]
        file = tmp_path_factory.mktemp("weights") / f"{config.stem}.weights"
        header = np.array([0, 2, 5, 0, 0], "<i4").tobytes()
        file.write_bytes(header + b"".join(part.tobytes() for part in numbers.taken))
        return file

    return make


@pytest.fixture
def write_network(
    tmp_path: Path, make_weights: Callable[..., Path]
) -> Callable[..., tuple[Path, Path]]:
    """Writes a configuration of given layers, and weights for it."""

    def write(layers: str, name: str = "test", seed: int = 0) -> tuple[Path, Path]:
        config = tmp_path / f"{name}.cfg"
        config.write_text("[net]\nwidth=64\nheight=64\nchannels=3\n" + layers)
        return config, make_weights(config, seed)

    return write


class Architecture:
    """Writes the layers of a big network with a fraction of its channels."""

    def __init__(self, fraction: int, activation: str = "leaky") -> None:
        self.fraction = fraction
        self.activation = activation
        self.layers: list[str] = []

    @property
    def last(self) -> int:
        return len(self.layers) - 1

    def add(self, kind: str, **options: object) -> int:
        lines = [f"[{kind}]", *(f"{key} = {value}" for key, value in options.items())]
        self.layers.append("\n".join(lines) + "\n")
        return self.last

    def convolution(self, filters: int, size: int = 3, stride: int = 1) -> int:
        return self.add(
            "convolutional",
            batch_normalize=1,
            filters=filters // self.fraction,
            size=size,
            stride=stride,
            pad=1,
            activation=self.activation,
        )

    def convolutions(self, *filters: int) -> int:
        """Convolutions of one cell and of three by three, in turn."""
        for index, count in enumerate(filters):
            self.convolution(count, size=3 if index % 2 else 1)
        return self.last

    def route(self, *layers: int, **options: object) -> int:
        return self.add("route", layers=", ".join(map(str, layers)), **options)

    def residual(self, inside: int, outside: int) -> int:
        self.convolution(inside, size=1)
        self.convolution(outside)
        return self.add("shortcut", **{"from": -3, "activation": "linear"})

    def upsampled(self, filters: int) -> int:
        self.convolution(filters, size=1)
        return self.add("upsample", stride=2)

    def head(self, mask: str, **options: object) -> int:
        self.add("convolutional", filters=255, size=1, stride=1, pad=1, activation="linear")
        return self.add("yolo", mask=mask, anchors=ANCHORS, classes=80, num=9, **options)

    def __str__(self) -> str:
        return "\n".join(self.layers)


def yolov3(fraction: int) -> str:
    """Darknet-53 and three heads on a pyramid."""
    net = Architecture(fraction)
    net.convolution(32)
    ends = []
    for filters, blocks in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        net.convolution(filters, stride=2)
        for _ in range(blocks):
            end = net.residual(filters // 2, filters)
        ends.append(end)
    for filters, mask, side in (
        (512, "6,7,8", None),
        (256, "3,4,5", ends[3]),
        (128, "0,1,2", ends[2]),
    ):
        if side is not None:
            net.route(-4)
            net.upsampled(filters)
            net.route(-1, side)
        net.convolutions(*[filters, 2 * filters] * 3)
        net.head(mask)
    return str(net)


def yolov4(fraction: int) -> str:
    """CSP blocks with Mish, pooling of three sizes, a pyramid up and down again."""
    net = Architecture(fraction, "mish")
    net.convolution(32)
    ends = []
    for filters, blocks in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        half = filters if filters == 64 else filters // 2
        net.convolution(filters, stride=2)
        beside = net.convolution(half, size=1)
        net.route(-2)
        net.convolution(half, size=1)
        for _ in range(blocks):
            net.residual(32 if filters == 64 else half, half)
        net.convolution(half, size=1)
        net.route(-1, beside)
        ends.append(net.convolution(filters, size=1))
    net.activation = "leaky"
    net.convolutions(512, 1024, 512)
    net.add("maxpool", stride=1, size=5)
    net.route(-2)
    net.add("maxpool", stride=1, size=9)
    net.route(-4)
    net.add("maxpool", stride=1, size=13)
    net.route(-1, -3, -5, -6)
    sides = [net.convolutions(512, 1024, 512)]
    for filters, end in ((256, ends[3]), (128, ends[2])):
        net.upsampled(filters)
        net.route(end)
        net.convolution(filters, size=1)
        net.route(-1, -3)
        sides.append(net.convolutions(*[filters, 2 * filters] * 2, filters))
    net.convolution(256)
    net.head("0,1,2", scale_x_y=1.2)
    for filters, mask, side, spread in (
        (256, "3,4,5", sides[1], 1.1),
        (512, "6,7,8", sides[0], 1.05),
    ):
        net.route(-4)
        net.convolution(filters, stride=2)
        net.route(-1, side)
        net.convolutions(*[filters, 2 * filters] * 3)
        net.head(mask, scale_x_y=spread)
    return str(net)


def yolov4_tiny(fraction: int) -> str:
    """CSP blocks that take half of the channels, and two heads."""
    net = Architecture(fraction)
    net.convolution(32, stride=2)
    net.convolution(64, stride=2)
    for filters in (64, 128, 256):
        whole = net.convolution(filters)
        net.route(-1, groups=2, group_id=1)
        net.convolution(filters // 2)
        net.convolution(filters // 2)
        net.route(-1, -2)
        side = net.convolution(filters, size=1)
        net.route(whole, side)
        net.add("maxpool", size=2, stride=2)
    net.convolution(512)
    middle = net.convolution(256, size=1)
    net.convolution(512)
    net.head("3,4,5", scale_x_y=1.05)
    net.route(middle)
    net.upsampled(128)
    net.route(-1, side)
    net.convolution(256)
    net.head("1,2,3", scale_x_y=1.05)
    return str(net)


@pytest.fixture(scope="session")
def architectures() -> dict[str, Callable[[int], str]]:
    """Of each big network of the registry, what writes its layers with a fraction of channels."""
    return {"yolov3": yolov3, "yolov4": yolov4, "yolov4-tiny": yolov4_tiny}
