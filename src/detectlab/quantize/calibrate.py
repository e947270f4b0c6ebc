"""Calibrate a detector for int8, and keep the result where it loses little."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import NDArray

from detectlab.decoders.registry import get_decoder
from detectlab.detection.calibrations import (
    Measured,
    as_json,
    calibration_folder,
    calibration_name,
)
from detectlab.detection.networks import network_of
from detectlab.engines import Network, available
from detectlab.engines.calibration import Calibration
from detectlab.models.atomic_files import replace_file
from detectlab.models.files import ensure
from detectlab.models.registry import ModelCard, get_card
from detectlab.quantize.measure import count_steps, measure
from detectlab.settings import Settings
from detectlab.vision.images import read_image
from detectlab.vision.letterbox import Letterbox

if TYPE_CHECKING:
    from tqdm import tqdm

MAX_LOSS = 0.01
_MAX_CALIBRATING, _MAX_MEASURING = 300, 200
_LEAST_PICTURES = 6
# How many of the first layers stay in float, tried in turn until the loss is small enough.
_IN_FLOAT = (0, 2, 4)


def split_pictures(pictures: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Split pictures: two thirds to calibrate on, at most 300, the others to measure on.

    Args:
        pictures: At least 6, in an order that does not change.

    Raises:
        ValueError: When there are fewer.
    """
    if len(pictures) < _LEAST_PICTURES:
        raise ValueError(
            f"calibrating takes at least {_LEAST_PICTURES} pictures, better 100 to 300 of what "
            f"the detector will see. Received: {len(pictures)}"
        )
    measuring = list(pictures[::3])
    calibrating = [picture for index, picture in enumerate(pictures) if index % 3]
    return _spread(calibrating, _MAX_CALIBRATING), _spread(measuring, _MAX_MEASURING)


def quantize_detector(
    name: str,
    *,
    calibrating: Sequence[Path],
    measuring: Sequence[Path],
    max_loss: float = MAX_LOSS,
    folder: Path | None = None,
    settings: Settings | None = None,
    progress: bool = True,
) -> tuple[Path, Measured]:
    """Calibrate a detector for int8, measure it, and store it.

    Args:
        name: The detector.
        calibrating: Pictures to calibrate on.
        measuring: Other pictures, to measure the loss on; with labels beside them, as
            `detectlab.vision.labels` describes, it is a loss of AP50.
        max_loss: The largest loss of mean AP50, or without labels the largest share of objects
            that are not kept, in `[0, 1]`.
        folder: Where the calibration goes; by default beside the detector's weights.
        settings: Where the detector is; by default the environment's.
        progress: Whether to show a progress bar.

    Returns:
        The file, and what was measured.

    Raises:
        ValueError: When the loss is larger, or OpenVINO is not installed; nothing is stored then.
        ModuleNotFoundError: When NNCF is not installed.
    """
    from detectlab.engines.openvino_int8 import calibrate, check_installed

    if "openvino" not in available():
        raise ValueError("int8 needs the engine openvino: pip install openvino onnx brings it.")
    settings = settings or Settings()
    card = get_card(name, settings)
    files = ensure(card, settings, progress)
    check_installed()
    name_of_file = calibration_name(card, files, card.input_size_wh)
    with _bar(progress) as bar, tempfile.TemporaryDirectory() as scratch:
        network = replace(network_of(card, settings), calibration=Path(scratch) / name_of_file)

        def read(picture: Path) -> NDArray[np.uint8]:
            bar.update()
            return _fitted(card, network, picture)

        for in_float in _IN_FLOAT:
            bar.reset(len(calibrating) + count_steps(measuring))
            graph, weights = calibrate(network, calibrating, read, in_float=in_float)
            (Path(scratch) / name_of_file).write_bytes(Calibration(graph, weights, {}).as_bytes())
            measured = measure(card, network, measuring, len(calibrating), bar)
            if measured.loss <= max_loss:
                break
        else:
            raise _too_lossy(card, measured, max_loss)
    target = (folder or calibration_folder(card, settings)) / name_of_file
    content = Calibration(graph, weights, as_json(measured)).as_bytes()
    replace_file(target, lambda file: file.write(content))
    for other in target.parent.glob(f"{card.name}-*.int8"):
        if other != target:
            other.unlink(missing_ok=True)  # of weights that are gone
    return target, measured


def _too_lossy(card: ModelCard, measured: Measured, max_loss: float) -> ValueError:
    return ValueError(
        f"{card.name} in int8 loses {measured.loss:.1%}, more than {max_loss:.1%}, and is not kept:"
        f" it {measured}. Calibrate on more pictures like those that it will see, or allow more "
        "with --max-loss."
    )


def _spread(pictures: list[Path], count: int) -> list[Path]:
    """At most `count` of the pictures, evenly spread."""
    if len(pictures) <= count:
        return pictures
    return [pictures[place] for place in np.linspace(0, len(pictures) - 1, count).astype(int)]


def _fitted(card: ModelCard, network: Network, picture: Path) -> NDArray[np.uint8]:
    """A picture as the network takes it."""
    fitting = card.fitting or get_decoder(card.decoder).fittings[0]
    pixels = read_image(picture)
    size_wh = pixels.shape[1], pixels.shape[0]
    letterbox = Letterbox.of(size_wh, network.input_size_wh, place=fitting.place)
    return letterbox.fit(pixels, fitting.fill)


def _bar(progress: bool) -> "tqdm[NoReturn]":
    from tqdm.auto import tqdm

    bar: tqdm[NoReturn] = tqdm(unit="picture", disable=not progress)
    return bar
