"""OpenCV's DNN module as the engine."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from detectlab.engines.base import Network
from detectlab.engines.object_pool import Lending


class OpenCVEngine:
    """A Darknet or ONNX network that many threads may run at once.

    A `cv2.dnn.Net` belongs to one caller at a time: `setInput` and `forward` of two threads on one
    net mix their pictures. So each call takes a free net.

    OpenCV's own threads are left as they are, one for each core: they help one net at a time, and
    another net runs on its caller's thread. Measured on two cores with yolov3-tiny: a lone picture
    takes 41 ms instead of 58 on one thread, and two callers get 33.5 pictures a second, and 33.1
    with one thread each.

    Args:
        network: Its files.
        copies: How many nets there may be, each several times the weights' size in memory; until
            the last one is built, the file itself is in memory too.

    Raises:
        ValueError: When OpenCV cannot read the files.
    """

    name = "opencv"

    def __init__(self, network: Network, copies: int = 4) -> None:
        self.input_size_wh = network.input_size_wh
        self._scale = network.scale
        # Kept in memory: a copy that is built later must not depend on what became of the files.
        # OpenCV takes half a weights file without a word.
        self._files = [file for file in (network.config, network.weights) if file]
        self._contents = [_read(file) for file in self._files]
        self._builds, self._last_build = itertools.count(1), copies
        self._nets: Lending[cv2.dnn.Net] = Lending(self._build, copies)

    def run(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on one picture; see `Engine.run`."""
        size_wh, no_mean = self.input_size_wh, (0, 0, 0)
        with self._nets.one() as net:
            # The net makes a copy: without a name, ours is gone before the memory is needed.
            net.setInput(cv2.dnn.blobFromImage(picture, self._scale, size_wh, no_mean, True))
            outputs = net.forward(net.getUnconnectedOutLayersNames())
            # A copy, since the net's own buffers are written again by the next caller.
            if self._is_darknet:
                return np.concatenate(outputs)
            return np.array(_rows(outputs), np.float32)

    @property
    def _is_darknet(self) -> bool:
        return len(self._files) == 2

    def _build(self) -> cv2.dnn.Net:
        if self._is_darknet and not hasattr(cv2.dnn, "readNetFromDarknet"):
            raise ValueError(
                f"OpenCV {cv2.__version__} cannot read Darknet files any more. Choose the engine "
                "openvino (pip install 'detectlab[fast]'), or pip install 'opencv-python<5'."
            )
        read = cv2.dnn.readNetFromDarknet if self._is_darknet else cv2.dnn.readNetFromONNX
        try:
            if all(len(content) for content in self._contents):
                net = read(*self._contents)
                if next(self._builds) == self._last_build:
                    self._contents = []  # nobody needs them again
                return net
        except cv2.error:
            pass
        names = " with ".join(file.name for file in self._files)
        raise ValueError(
            f"OpenCV cannot read {names}: a file is missing, damaged, or they do not belong "
            "together. `detectlab models verify` checks downloaded files."
        )


def _rows(outputs: Sequence[MatLike]) -> MatLike:
    """Of an ONNX network's outputs the first `(1, rows, columns)`: OpenCV has an order of its own.

    Older YOLOv5 files give their raw maps as well, which have five dimensions.
    """
    return next((output for output in outputs if output.ndim == 3), outputs[0])


def _read(file: Path) -> NDArray[np.uint8]:
    """A file's bytes; none for one that is not there."""
    return np.frombuffer(file.read_bytes() if file.is_file() else b"", np.uint8)
