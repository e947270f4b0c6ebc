"""A user's pair of Darknet files: read, checked, and copied."""

import shutil
from pathlib import Path

import numpy as np

from detectlab.detection.detector import NetworkDetector
from detectlab.engines.darknet_onnx import to_onnx
from detectlab.engines.darknet_onnx.config import read_config
from detectlab.model_import.class_names import check_classes
from detectlab.model_import.onnx_reader import check_input_size
from detectlab.model_import.request import Examined, Request
from detectlab.model_import.runnable import open_and_run
from detectlab.models.files import ModelFiles
from detectlab.vision.fitting import DARKNET


def read_pair(
    request: Request, given: tuple[str, ...], *, config: Path, weights: Path
) -> tuple[Examined, NetworkDetector]:
    """Check a `.cfg` and its `.weights`, and copy them.

    Args:
        request: What is asked.
        given: The class names that the user gives.
        config: The network, `.cfg`.
        weights: Its weights, `.weights`.

    Raises:
        ValueError: When they cannot be used; the message says what to do.
    """
    if request.decoder not in (None, "darknet"):
        raise ValueError(f"`--decoder` must be darknet for a .cfg. Received: {request.decoder!r}")
    count, size_wh = _read_config(config, request.input_size)
    classes = check_classes(given)
    if len(classes) != count:
        raise ValueError(
            f"`--labels FILE` must name {count} classes, one a line, as many as {config.name} "
            f"has. Received: {len(classes)}"
        )
    try:
        # OpenCV takes half a weights file without a word; this one says what is wrong with a pair.
        to_onnx(config, weights=weights, input_size_wh=size_wh)
    except ValueError:
        raise
    except Exception as error:  # numbers without a meaning, such as a stride of 0
        raise ValueError(
            f"{config.name} with {weights.name} is not a network: a number in it is out of range."
        ) from error
    places = [request.folder / f"{request.name}{end}" for end in (".cfg", ".weights", ".names")]
    for source, target in zip((config, weights), places, strict=False):
        shutil.copyfile(source, target)
    engine = open_and_run(ModelFiles(*places), size_wh, request, fitting=DARKNET)
    outputs = engine.run(np.full((size_wh[1], size_wh[0], 3), 127, np.uint8))
    if not np.isfinite(outputs["rows"][:, 4:]).all():
        raise ValueError(f"{weights.name} gives numbers that are not finite: it is damaged.")
    plain = Examined(
        config=places[0].name,
        weights=places[1].name,
        labels=places[2].name,
        input_size_wh=size_wh,
        classes=classes,
        decoder="darknet",
    )
    return plain, NetworkDetector(request.name, classes, engine)


def _read_config(config: Path, input_size: int | None) -> tuple[int, tuple[int, int]]:
    """The number of classes, and width and height of the input."""
    try:
        network, *layers = read_config(config)
        counts = [layer.integer("classes", 20) for layer in layers if layer.kind == "yolo"]
        width, height = (network.integer(side, 416) for side in ("width", "height"))
    except (ArithmeticError, TypeError, LookupError) as error:
        raise ValueError(f"{config.name} has a number that is out of range: {error}.") from error
    if not counts:
        raise ValueError(f"{config.name} has no [yolo] layer: only such networks are understood.")
    if input_size is not None:
        check_input_size(input_size)
        return counts[0], (input_size, input_size)
    if any(side % 32 or not 32 <= side <= 4096 for side in (width, height)):
        raise ValueError(
            f"width and height in {config.name} must be multiples of 32 from 32 to 4096. "
            f"Received: {width} x {height}; `--input` chooses another size."
        )
    return counts[0], (width, height)
