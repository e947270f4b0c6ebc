"""A detector's files as somebody gives them: read, made plain, and tried."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detectlab.decoders.registry import all_decoders
from detectlab.detection.detector import NetworkDetector, make_network
from detectlab.engines import Outputs, open_engine
from detectlab.engines.darknet_onnx import to_onnx
from detectlab.engines.darknet_onnx.config import read_config
from detectlab.model_import.onnx_reader import read_onnx
from detectlab.models.files import ModelFiles
from detectlab.settings import Settings
from detectlab.vision.fitting import DARKNET, Fitting

_LONGEST_CLASS = 60  # the API takes no longer ones


class Candidate(NamedTuple):
    """A detector's files where they are to stay, and what they say of themselves.

    Attributes:
        files: The copies.
        input_size_wh: Width and height that pictures are resized to.
        classes: Class names; the index is the class id.
        licence: What the file says about it; empty when it says nothing.
        remarks: What was changed, in words.
    """

    files: ModelFiles
    input_size_wh: tuple[int, int]
    classes: tuple[str, ...]
    licence: str = ""
    remarks: tuple[str, ...] = ()


def copy_files(
    name: str,
    sources: Sequence[Path],
    labels: Path | None,
    input_size: int | None,
    folder: Path,
) -> Candidate:
    """Copy a detector's files into a folder, as every engine reads them.

    Args:
        name: What it is to be called.
        sources: One `.onnx`, or a `.cfg` and its `.weights`.
        labels: Its class names, one a line; an ONNX file may have them inside.
        input_size: Side of its square input in pixels, where the files leave that open.
        folder: Where to.

    Raises:
        ValueError: When a file cannot be used; the message says what to do.
        ModuleNotFoundError: When the package `onnx` is not installed.
    """
    by_suffix = {source.suffix.lower(): source for source in sources}
    if set(by_suffix) not in ({".onnx"}, {".cfg", ".weights"}) or len(by_suffix) != len(sources):
        raise ValueError(
            "`files` must be one .onnx file, or a .cfg with its .weights. Received: "
            + ", ".join(source.name for source in sources)
        )
    for file in (*sources, *([labels] if labels else [])):
        if not file.is_file():
            raise ValueError(f"there is no file {file}.")
    given = _read_labels(labels) if labels else ()
    if ".onnx" in by_suffix:
        return _copy_onnx(by_suffix[".onnx"], given, input_size, folder / name)
    return _copy_pair(by_suffix[".cfg"], by_suffix[".weights"], given, input_size, folder / name)


def try_out(candidate: Candidate, settings: Settings) -> str:
    """Detect once, with everything as it will be; give the decoder whose output it has.

    Raises:
        ValueError: When no engine runs it, or its output is not understood.
    """
    files, (width, height), classes, *_ = candidate
    fitting = DARKNET if files.config else Fitting("centre")
    # Blocks of strong colours: noise alone leaves most networks unmoved.
    blocks = np.random.default_rng(0).choice([0, 255], (height // 64 + 1, width // 64 + 1, 3))
    picture = blocks.astype(np.uint8).repeat(64, 0).repeat(64, 1)[:height, :width]
    try:
        network = make_network(files, (width, height), fitting)
        engine = open_engine(network, settings.engine, precision=settings.precision)
        outputs = engine.run(picture)
    except Exception as error:  # runtimes raise what they like
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ValueError(
            "this file cannot be run here. Export it anew as float32, with a fixed size and opset "
            f"17. The engine says: {reason:.200}"
        ) from error
    decoder = find_decoder(outputs, (width, height), len(classes))
    detector = NetworkDetector("candidate", classes, engine, decoder, fitting=fitting)
    detector.detect(picture, confidence=0)
    return decoder


def find_decoder(outputs: Outputs, input_wh: tuple[int, int], classes: int) -> str:
    """Name the decoder to which outputs belong by their shapes.

    Args:
        outputs: The network's outputs for one picture.
        input_wh: Width and height of its input in pixels.
        classes: How many classes the detector knows.

    Raises:
        ValueError: When there is none; the message says what would fit.
    """
    for decoder in all_decoders():
        if decoder.count_classes(outputs, input_wh) == classes:
            scores = decoder.boxes(outputs, input_wh, -np.inf).confidence
            if ((scores >= -1e-3) & (scores <= 1 + 1e-3)).all():
                return decoder.name
            raise ValueError(
                "the network's scores must lie between 0 and 1. Export it with its last layer, "
                f"which sees to that. Received: {scores.min():.3g} to {scores.max():.3g}"
            )
    shapes = ", ".join(str(output.shape) for output in outputs.values())
    raise ValueError(
        f"the network's output must have the shape of a known decoder for {classes} classes: "
        + ", ".join(f"{decoder.shapes} for {decoder.name}" for decoder in all_decoders())
        + f". Received: {shapes}"
    )


def _read_labels(file: Path) -> tuple[str, ...]:
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{file.name} must be text in UTF-8, one class name a line.") from None
    names = [line.strip() for line in lines]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _check_classes(names: tuple[str, ...]) -> tuple[str, ...]:
    for number, name in enumerate(names, 1):
        if not name or not name.isprintable() or len(name) > _LONGEST_CLASS:
            raise ValueError(
                f"every class must have a name of at most {_LONGEST_CLASS} signs. Received for "
                f"class {number}: {name[:_LONGEST_CLASS]!r}"
            )
    return names


def _copy_onnx(
    source: Path, given: tuple[str, ...], input_size: int | None, copy: Path
) -> Candidate:
    read = read_onnx(source, input_size)
    classes = _check_classes(given or read.names)
    if not classes:
        raise ValueError(
            f"{source.name} does not name its classes: `--labels FILE` must, one a line."
        )
    weights = copy.with_name(f"{copy.name}.onnx")
    weights.write_bytes(read.content)
    files = ModelFiles(None, weights, copy.with_name(f"{copy.name}.names"))
    return Candidate(files, read.input_size_wh, classes, read.licence, read.changes)


def _copy_pair(
    config: Path, weights: Path, given: tuple[str, ...], input_size: int | None, copy: Path
) -> Candidate:
    network, *layers = read_config(config)
    counts = [layer.integer("classes", 20) for layer in layers if layer.kind == "yolo"]
    if not counts:
        raise ValueError(f"{config.name} has no [yolo] layer: only such networks are understood.")
    classes = _check_classes(given)
    if len(classes) != counts[0]:
        raise ValueError(
            f"`--labels FILE` must name {counts[0]} classes, one a line, as many as {config.name} "
            f"has. Received: {len(classes)}"
        )
    width, height = (input_size or network.integer(side, 416) for side in ("width", "height"))
    # OpenCV takes half a weights file without a word; this one says what is wrong with a pair.
    to_onnx(config, weights=weights, input_size_wh=(width, height))
    files = ModelFiles(*(copy.with_name(copy.name + end) for end in (".cfg", ".weights", ".names")))
    for source, target in zip((config, weights), files, strict=False):
        assert target is not None
        shutil.copyfile(source, target)
    return Candidate(files, (width, height), classes)
