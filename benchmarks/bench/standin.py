"""Weights for a configuration whose own are not at hand: as many numbers, found by chance.

A network takes as long with them as with those it was trained to. So that there are boxes to
decode, suppress and draw as well, its objectness is set until about three rows in a picture are
objects, as many as the real one finds in such photographs.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

OBJECTS_A_PICTURE = 3
CONFIDENCE = 0.5
_HIGH = 4.0  # an objectness at which every row shows its classes
_SCALE = 0.00392
Section = tuple[str, dict[str, str]]


def make_weights(config: Path, target: Path, pictures: list[NDArray[np.uint8]]) -> None:
    """Write weights for a Darknet configuration, the same ones each time.

    Args:
        config: A `.cfg` of convolutional, maxpool, route, upsample and yolo layers.
        target: The `.weights` file.
        pictures: What the objectness is set for.

    Raises:
        ValueError: When the configuration has other layers.
    """
    sections = _read(config)
    _write(sections, target, _HIGH)
    needed = np.sort(np.concatenate([_needed(config, target, pixels) for pixels in pictures]))
    _write(sections, target, _HIGH + float(needed[OBJECTS_A_PICTURE * len(pictures)]))


def _read(config: Path) -> list[Section]:
    sections: list[Section] = []
    for raw in config.read_text().splitlines():
        line = raw.split("#")[0].strip()
        if line.startswith("["):
            sections.append((line.strip("[]"), {}))
        elif line:
            name, value = line.split("=", 1)
            sections[-1][1][name.strip()] = value.strip()
    return sections


def _write(sections: list[Section], target: Path, objectness: float) -> None:
    rng = np.random.default_rng(0)
    channels = 3
    outputs: list[int] = []
    numbers = [np.array([0, 2, 0, 0, 0], "<i4").tobytes()]
    for kind, options in sections[1:]:
        if kind == "convolutional":
            filters, size = int(options["filters"]), int(options["size"])
            if options.get("batch_normalize") == "1":
                zeros, ones = np.zeros(filters), np.ones(filters)
                biases = np.concatenate([zeros, ones, zeros, ones])
            else:  # in front of a yolo layer: x, y, w, h, objectness, classes; for three anchors
                anchor = np.full(filters // 3, 2.0)
                anchor[:5] = 0, 0, 0, 0, objectness
                biases = np.tile(anchor, 3)
            spread = (2 / (channels * size * size)) ** 0.5
            weights = rng.normal(0, spread, filters * channels * size * size)
            numbers += [biases.astype("<f4").tobytes(), weights.astype("<f4").tobytes()]
            channels = filters
        elif kind == "route":
            layers = [int(number) for number in options["layers"].split(",")]
            channels = sum(outputs[number] for number in layers)
        elif kind not in ("maxpool", "upsample", "yolo"):
            raise ValueError(f"no weights can be made for a layer of the kind {kind!r}")
        outputs.append(channels)
    target.write_bytes(b"".join(numbers))


def _needed(config: Path, weights: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What must be added to the objectness of each row for it to become an object."""
    network = cv2.dnn.readNetFromDarknet(str(config), str(weights))
    network.setInput(cv2.dnn.blobFromImage(pixels, _SCALE, (416, 416), (0, 0, 0), True))
    rows = np.concatenate(network.forward(network.getUnconnectedOutLayersNames()))
    objectness = rows[:, 4].astype(np.float64)
    best_class = rows[:, 5:].max(axis=1) / objectness
    reachable = best_class > CONFIDENCE
    return _logit(CONFIDENCE / best_class[reachable]) - _logit(objectness[reachable])


def _logit(share: NDArray[np.float64]) -> NDArray[np.float64]:
    share = share.clip(1e-7, 1 - 1e-7)
    return np.log(share / (1 - share))
