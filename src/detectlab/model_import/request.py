"""What is asked about a user's files, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detectlab.vision.fitting import Fitting


@dataclass(frozen=True)
class Request:
    """What is asked about a user's files.

    Attributes:
        name: What the detector is to be called.
        files: One `.onnx`, or a `.cfg` and its `.weights`.
        folder: Where the copies go.
        engine: Runs the network, as `Settings.engine`.
        precision: As `Settings.precision`.
        labels: Its class names, one a line; an ONNX file may have them inside.
        input_size: Side of its square input in pixels, where the files leave that open.
        decoder: The decoder, where the user knows it.
        options: Fields of `Fitting` that the user knows.
        check: A folder of labelled pictures, as `detectlab compare` takes them.
        drawings: Where drawn pictures go; nothing is drawn without it.
    """

    name: str
    files: tuple[Path, ...]
    folder: Path
    engine: str
    precision: str
    labels: Path | None = None
    input_size: int | None = None
    decoder: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    check: Path | None = None
    drawings: Path | None = None


@dataclass(frozen=True)
class Examined:
    """A detector's files as they will be used, and what was found with them.

    Attributes:
        config: Name of the Darknet configuration; `None` for an ONNX file.
        weights: Name of the weights or of the ONNX file.
        labels: Name of the list of classes.
        input_size_wh: Width and height that pictures are resized to, in pixels.
        classes: Class names; the index is the class id.
        decoder: The decoder that reads the outputs.
        fitting: How pictures are fitted in; `None` for the decoder's usual way.
        licence: What the file says about it; empty when it says nothing.
        remarks: What was changed, in words.
        found: For each trial picture its name, and class, score and corners of each object.
        ap50: AP50 on the labelled pictures, averaged over the classes, where there are any.
        drawing: The drawn trial pictures.
    """

    config: str | None
    weights: str
    labels: str
    input_size_wh: tuple[int, int]
    classes: tuple[str, ...]
    decoder: str
    fitting: Fitting | None = None
    licence: str = ""
    remarks: tuple[str, ...] = ()
    found: tuple[tuple[str, tuple[tuple[str, float, int, int, int, int], ...]], ...] = ()
    ap50: float | None = None
    drawing: Path | None = None


@dataclass(frozen=True)
class Answer:
    """What the examining process answers: a result, or the kind and message of an error."""

    examined: Examined | None = None
    error: str = ""
    kind: str = ""
