"""A detector's files as somebody gives them: read, made plain, and tried."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detectlab.decoders.yolo import layout_of, main_output
from detectlab.detection.detector import YoloDetector
from detectlab.engines import DARKNET_SCALE, Network, open_engine
from detectlab.engines.darknet_onnx import to_onnx
from detectlab.engines.darknet_onnx.config import read_config
from detectlab.model_import.onnx_reader import read_onnx
from detectlab.models.card import Family
from detectlab.models.files import ModelFiles
from detectlab.settings import Settings

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


def try_out(candidate: Candidate, settings: Settings) -> Family:
    """Detect once, with everything as it will be; give the family whose output it has.

    Raises:
        ValueError: When no engine runs it, or its output is not understood.
    """
    files, (width, height), classes, *_ = candidate
    scale = DARKNET_SCALE if files.config else 1 / 255
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    try:
        network = Network(files.weights, files.config, (width, height), scale)
        engine = open_engine(network, settings.engine, precision=settings.precision)
        outputs = engine.run(noise)
    except Exception as error:  # runtimes raise what they like
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ValueError(
            "this file cannot be run here. Export it anew as float32, with a fixed size and opset "
            f"17. The engine says: {reason:.200}"
        ) from error
    output = outputs["rows"] if files.config else main_output(outputs)
    family: Family = "darknet" if files.config else layout_of(output.shape, len(classes))
    scores = output[0, 4:] if family == "yolov8" else output[..., 4:]
    if not ((scores >= -1e-3) & (scores <= 1 + 1e-3)).all():
        raise ValueError(
            "the network's scores must lie between 0 and 1. Export it with its last layer, which "
            f"sees to that. Received: {scores.min():.3g} to {scores.max():.3g}"
        )
    YoloDetector("candidate", classes, engine, family).detect(noise, confidence=0)
    return family


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
    to_onnx(config, weights, (width, height))
    files = ModelFiles(*(copy.with_name(copy.name + end) for end in (".cfg", ".weights", ".names")))
    for source, target in zip((config, weights), files, strict=False):
        assert target is not None
        shutil.copyfile(source, target)
    return Candidate(files, (width, height), classes)
