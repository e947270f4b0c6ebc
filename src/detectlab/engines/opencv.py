"""OpenCV's DNN module as the engine."""

import itertools
from pathlib import Path
from queue import LifoQueue

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.engines.base import Network, Outputs


class OpenCVEngine:
    """A Darknet or ONNX network that many threads may run at once.

    A `cv2.dnn.Net` belongs to one caller at a time: `setInput` and `forward` of two threads on one
    net mix their pictures. So each call borrows a net of its own.

    OpenCV's own threads are left as they are, one for each core: they help one net at a time, and
    another net runs on its caller's thread. Measured on two cores with yolov3-tiny: a single
    picture takes 41 ms instead of 58 on one thread, and two callers get 33.5 pictures a second,
    and 33.1 with one thread each.

    Args:
        network: Its files.
        precision: Has no effect: OpenCV computes in float32.
        concurrency: The most nets there are, each several times the weights' size in memory; until
            the last one is built, the file itself is in memory, too.
        cache_folder: Has no effect: OpenCV stores nothing.

    Raises:
        ValueError: When OpenCV cannot read the files.
    """

    name = "opencv"
    precision = "float32"

    def __init__(
        self,
        network: Network,
        *,
        precision: str = "float32",
        concurrency: int = 4,
        cache_folder: Path | None = None,
    ) -> None:
        self.input_size_wh = network.input_size_wh
        self._network = network
        # Kept in memory: a net that is built later must not depend on what became of the files.
        # OpenCV accepts half a weights file without an error.
        self._files = [file for file in (network.config, network.weights) if file]
        self._contents = [_read(file) for file in self._files]
        self._builds, self._last_build = itertools.count(1), concurrency
        self._picture_input = self._name_picture_input()
        # The nets that no caller uses, on top of a `None` for each that may still be built.
        self._nets: LifoQueue[cv2.dnn.Net | None] = LifoQueue()
        for net in [*[None] * (concurrency - 1), self._build()]:
            self._nets.put(net)

    @staticmethod
    def precisions() -> tuple[str, ...]:
        """What it can compute in on this processor, the fastest first."""
        return ("float32",)

    def run(self, picture: NDArray[np.uint8]) -> Outputs:
        """Run the network on one picture; see `Engine.run`."""
        net = self._nets.get()
        try:
            net = net or self._build()
            # `setInput` copies its array. Without a name for it here, its memory is free again
            # before the network runs.
            net.setInput(self._blob(picture), self._picture_input)
            for name, value in self._network.other_inputs.items():
                net.setInput(value, name)
            names = net.getUnconnectedOutLayersNames()
            outputs = net.forward(names)
            # Copies, since the next caller overwrites the net's own buffers.
            if self._is_darknet:
                return {"rows": np.concatenate(outputs)}
            return {name: np.array(output) for name, output in zip(names, outputs, strict=True)}
        finally:
            self._nets.put(net)

    @property
    def _is_darknet(self) -> bool:
        return self._network.config is not None

    def _name_picture_input(self) -> str:
        """Name of the input for the picture; empty for a network with one input."""
        if not self._network.other_inputs:
            return ""
        import onnx

        graph = onnx.load_from_string(self._contents[-1].tobytes()).graph
        constants = {tensor.name for tensor in graph.initializer}
        inputs = {value.name for value in graph.input} - constants
        return str(*(inputs - self._network.other_inputs.keys()))

    def _blob(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`(1, 3, height, width)` as the network takes it."""
        network, no_mean = self._network, (0, 0, 0)
        is_rgb = network.channel_order == "rgb"
        blob = np.asarray(
            cv2.dnn.blobFromImage(picture, network.scale, self.input_size_wh, no_mean, is_rgb),
            np.float32,
        )
        mean, deviation = (
            np.array(values, np.float32).reshape(1, 3, 1, 1)
            for values in (network.mean, network.deviation)
        )
        if mean.any():
            blob -= mean
        if (deviation != 1).any():
            blob /= deviation
        return blob

    def _build(self) -> cv2.dnn.Net:
        if self._is_darknet and not hasattr(cv2.dnn, "readNetFromDarknet"):
            raise ValueError(
                f"OpenCV {cv2.__version__} cannot read Darknet files any more. Choose the engine "
                "openvino (pip install openvino), or pip install 'opencv-python<5'."
            )
        read = cv2.dnn.readNetFromDarknet if self._is_darknet else cv2.dnn.readNetFromONNX
        try:
            if all(len(content) for content in self._contents):
                net = read(*self._contents)
                if next(self._builds) == self._last_build:
                    self._contents = []  # no further net will be built
                return net
        except cv2.error:
            pass
        names = " with ".join(file.name for file in self._files)
        raise ValueError(
            f"OpenCV cannot read {names}: a file is missing, damaged, or they do not belong "
            "together. `detectlab models verify` checks downloaded files."
        )


def _read(file: Path) -> NDArray[np.uint8]:
    """A file's bytes; none for one that is not there."""
    return np.frombuffer(file.read_bytes() if file.is_file() else b"", np.uint8)
