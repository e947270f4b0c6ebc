"""Detectors: a picture goes in, objects come out."""

import os
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detectlab.decoders.registry import get_decoder
from detectlab.detection.calibrations import find_calibration
from detectlab.detection.networks import make_network
from detectlab.engines import Engine, open_engine
from detectlab.engines.registry import arithmetic
from detectlab.models.files import ModelFiles, default_model, ensure
from detectlab.models.registry import ModelCard, get_card
from detectlab.settings import Settings
from detectlab.vision.detections import Detections
from detectlab.vision.fitting import Fitting
from detectlab.vision.letterbox import Letterbox


class Detector(Protocol):
    """Finds objects in pictures; safe to call from many threads at once."""

    name: str
    names: tuple[str, ...]

    def detect(
        self, image: NDArray[np.uint8], confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        """Find the objects in one picture.

        Args:
            image: Picture `(height, width, 3)` uint8, BGR.
            confidence: Only objects above this, in `[0, 1]`.
            nms_threshold: IoU above which the weaker of two boxes is suppressed, in `[0, 1]`.
        """


class NetworkDetector:
    """A network, with an engine that runs it and a decoder that reads its outputs.

    Args:
        name: What the detector is called.
        names: Its classes, in the network's order.
        engine: Runs the network.
        decoder: Reads its outputs: an entry of `decoders.registry`.
        fitting: How pictures are fitted into its input; by default the decoder's usual way.

    Attributes:
        precision: What the network is computed in, such as `"int8"`.
        input_size_wh: Width and height of its input in pixels.
    """

    def __init__(
        self,
        name: str,
        names: tuple[str, ...],
        engine: Engine,
        decoder: str = "darknet",
        *,
        fitting: Fitting | None = None,
    ) -> None:
        self.name = name
        self.names = names
        self._engine = engine
        self._decoder = get_decoder(decoder)
        self._fitting = fitting or self._decoder.fittings[0]
        self.precision = engine.precision
        self.input_size_wh = engine.input_size_wh

    def detect(
        self, image: NDArray[np.uint8], confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        """Find the objects in one picture.

        Args:
            image: `(height, width, 3)` uint8 in BGR order; grey, BGRA and uint16 arrays are
                converted. Any size from 1 x 1.
            confidence: Only objects whose score exceeds this, in `[0, 1]`.
            nms_threshold: Of two boxes whose IoU exceeds this, the more confident one stays, in
                `[0, 1]`.

        Returns:
            The objects, most confident first, in pixels of `image`.

        Raises:
            TypeError: When `image` is no array of uint8 or uint16.
            ValueError: When its shape is no picture's, or a threshold is out of range.
        """
        for name, value in (("confidence", confidence), ("nms_threshold", nms_threshold)):
            if not 0 <= value <= 1:
                raise ValueError(f"`{name}` must lie between 0 and 1. Received: {value}")
        pixels = _as_bgr(image)
        size_wh = pixels.shape[1], pixels.shape[0]
        place = self._fitting.place
        letterbox = Letterbox.of(size_wh, self._engine.input_size_wh, place=place)
        outputs = self._engine.run(letterbox.fit(pixels, self._fitting.fill))
        found = self._decoder.decode(
            outputs, letterbox, confidence=confidence, nms_threshold=nms_threshold
        )
        # A network with finished labels may answer one that it has no name for.
        named = (found.class_id >= 0) & (found.class_id < len(self.names))
        xyxy = found.xyxy[named].astype(np.float32)
        return Detections(xyxy, found.confidence[named], found.class_id[named], self.names)

    def __repr__(self) -> str:
        return f"NetworkDetector({self.name!r}, {len(self.names)} classes, {self._engine.name})"


def _as_bgr(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert a common pixel array to `(height, width, 3)` uint8 BGR."""
    if not isinstance(image, np.ndarray) or image.dtype not in (np.uint8, np.uint16):
        kind = f"an array of {image.dtype}" if isinstance(image, np.ndarray) else repr(image)
        raise TypeError(
            f"`image` must be a NumPy array of uint8 or uint16. Received: {kind:.80}. "
            "`cv2.imread(filename)` makes one, or gives None where there is no such picture."
        )
    channels = 1 if image.ndim == 2 else image.shape[-1]
    if image.ndim not in (2, 3) or channels not in (1, 3, 4) or image.size == 0:
        raise ValueError(
            "`image` must have shape (height, width), or (height, width, C) with 1, 3 or 4 "
            f"channels, and at least one pixel. Received: {image.shape}"
        )
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if channels == 1:
        return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    return image[..., :3]


def load_detector(
    name: str | None = None,
    engine: str | None = None,
    input_size: int | None = None,
    settings: Settings | None = None,
    precision: str | None = None,
) -> NetworkDetector:
    """Load a detector, fetching its files first where that is needed.

    Args:
        name: One of `detectlab models`; by default what `DETECTLAB_MODEL` says, else the best one
            that is present.
        engine: What runs the network, one of `engines.available()` or `"auto"`; by default what
            `DETECTLAB_ENGINE` says, else the fastest one that is installed.
        input_size: Side of the square that pictures are resized to, a multiple of 32; by default
            the one the detector was made for.
        settings: Where its files are kept and fetched from; by default the environment's.
        precision: `"float32"`, or `"fast"` for whatever the machine does best with this detector:
            int8 where it is calibrated, else 16 bits where the processor has them; by default what
            `DETECTLAB_PRECISION` says, else float32.

    Returns:
        A detector with networks of its own, for use from any number of threads.

    Raises:
        ValueError: When there is no such detector or engine.
        WeightsError: When its files are not there and cannot be fetched.
    """
    settings = settings or Settings()
    card = get_card(name or default_model(settings), settings)
    size_wh = card.input_size_wh
    if input_size and size_wh != (input_size, input_size):
        if card.config is None:
            raise ValueError(
                f"`input_size` of {card.name} is fixed in its file: {size_wh[0]} x {size_wh[1]} "
                f"pixels. Received: {input_size}"
            )
        size_wh = (input_size, input_size)
    files = ensure(card, settings)
    return open_detector(
        card,
        files,
        size_wh,
        engine=engine or settings.engine,
        precision=precision or settings.precision,
        settings=settings,
    )


def open_detector(
    card: ModelCard,
    files: ModelFiles,
    size_wh: tuple[int, int],
    *,
    engine: str,
    precision: str,
    settings: Settings | None = None,
) -> NetworkDetector:
    """Make a detector from files that are on this machine.

    Args:
        card: What is known about it.
        files: Where its files are.
        size_wh: Width and height that pictures are resized to.
        engine: As for `load_detector`.
        precision: As for `load_detector`.
        settings: Where calibrations and compiled models are kept; by default nowhere.

    Raises:
        ValueError: When there is no such engine, or it cannot read the files.
    """
    fitting = card.fitting or get_decoder(card.decoder).fittings[0]
    network = make_network(files, size_wh, fitting, card.other_inputs)
    if settings and precision != "float32":
        network = replace(network, calibration=find_calibration(card, settings, size_wh))
    runner = open_engine(
        network,
        engine,
        precision=arithmetic(
            engine,
            precision,
            is_calibrated=network.calibration is not None,
            allows_half=not card.needs_float32,
        ),
        concurrency=max(2, os.cpu_count() or 1),
        cache_folder=settings.home / "compiled" if settings else None,
    )
    return NetworkDetector(card.name, card.classes, runner, card.decoder, fitting=fitting)
