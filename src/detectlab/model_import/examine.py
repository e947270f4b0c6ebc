"""Examine a user's files: read, normalise, recognise and try them, with everything as it will be.

Run as a program it does so for `detectlab.model_import.isolation`, in a process of its own.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from detectlab.detection.detector import Detector, NetworkDetector
from detectlab.model_import.class_names import check_classes, read_class_names
from detectlab.model_import.darknet_pair import read_pair
from detectlab.model_import.preview import draw_preview, list_objects, measure_ap50
from detectlab.model_import.recognise import Reading, UnclearError, recognise
from detectlab.model_import.request import Answer, Examined, Request
from detectlab.model_import.runnable import open_and_run, read_runnable
from detectlab.model_import.trial_pictures import trial_pictures
from detectlab.models.files import ModelFiles

_LEAST_AP50 = 0.05  # a detector below it does not find what the labels say


def examine(request: Request) -> Examined:
    """Examine a detector's files, and copy them into a folder as every engine reads them.

    Raises:
        ValueError: When a file cannot be used; the message says what to do.
        ModuleNotFoundError: When the package `onnx` is not installed.
    """
    given = read_class_names(request.labels) if request.labels else ()
    by_suffix = {source.suffix.lower(): source for source in request.files}
    if ".onnx" in by_suffix:
        return _examine_onnx(request, by_suffix[".onnx"], given)
    plain, detector = read_pair(
        request, given, config=by_suffix[".cfg"], weights=by_suffix[".weights"]
    )
    return _try_out(plain, detector, request)


def _examine_onnx(request: Request, source: Path, given: tuple[str, ...]) -> Examined:
    places = (request.folder / f"{request.name}{end}" for end in (".onnx", ".names"))
    files = ModelFiles(None, *places)
    read, engine = read_runnable(request, source, files)
    classes, size_wh = check_classes(given or read.names), read.input_size_wh

    def open_as(reading: Reading, names: tuple[str, ...]) -> NetworkDetector:
        engine = open_and_run(files, size_wh, request, fitting=reading.fitting)
        return NetworkDetector(
            request.name, names, engine, reading.decoder.name, fitting=reading.fitting
        )

    try:
        reading = recognise(
            engine.run,
            size_wh,
            trial_pictures(),
            classes=len(classes) or None,
            decoder=request.decoder,
            options=request.options,
        )
    except UnclearError as unclear:
        reading = _choose(unclear, request, classes, open_as)
    except ValueError as error:
        raise ValueError(f"{source.name}: {error}") from error
    _check_named(source, reading, classes)
    remarks = list(read.changes)
    if not reading.evidence.is_convincing:
        remarks.append(f"added as it was said, although {reading.evidence.reason}")
    plain = Examined(
        config=None,
        weights=files.weights.name,
        labels=files.labels.name,
        input_size_wh=size_wh,
        classes=classes,
        decoder=reading.decoder.name,
        fitting=reading.fitting,
        licence=read.licence,
        remarks=tuple(remarks),
    )
    return _try_out(plain, open_as(reading, classes), request)


def _try_out(plain: Examined, detector: Detector, request: Request) -> Examined:
    """Detect as it will be done later, draw what was found, and measure it against labels."""
    found = list_objects(detector)
    ap50 = measure_ap50(detector, request.check) if request.check else None
    if ap50 is not None and ap50 < _LEAST_AP50:
        raise ValueError(
            f"this detector finds nothing of what the labels in {request.check} say: AP50 is "
            f"{ap50:.3f}. Are its class names those of its training, in their order?"
        )
    drawing = None
    if request.drawings:
        drawing = draw_preview(found, request.drawings / f"{request.name}.jpg")
    rows = tuple((view.name, tuple(view.rows)) for view in found)
    return replace(plain, found=rows, ap50=ap50, drawing=drawing)


def _choose(
    unclear: UnclearError,
    request: Request,
    classes: tuple[str, ...],
    open_as: Callable[[Reading, tuple[str, ...]], NetworkDetector],
) -> Reading:
    """Choose among readings by the labels where there are any; else ask, with each drawn."""
    readings = [
        reading
        for reading in unclear.readings
        if reading.classes or not classes or reading.highest_label < len(classes)
    ]
    if len(readings) == 1:
        return readings[0]
    if request.check and classes:
        folder = request.check
        scores = [measure_ap50(open_as(one, classes), folder) for one in readings]
        return readings[int(np.argmax(scores))]
    lines = []
    for reading in readings or unclear.readings:
        names = classes or tuple(f"class {n}" for n in range(reading.classes or 1000))
        drawing = ""
        if request.drawings:
            file = request.drawings / f"{request.name}-{reading.decoder.name}.jpg"
            drawing = f": {draw_preview(list_objects(open_as(reading, names)), file)}"
        lines.append(f"- `{reading.describes}`{drawing}")
    asked = f"{request.files[0].name}: {unclear} Look at what each finds:"
    raise ValueError("\n".join([asked, *lines])) from unclear


def _check_named(source: Path, reading: Reading, classes: tuple[str, ...]) -> None:
    if not classes:
        count = f"{reading.classes} classes" if reading.classes else "its classes"
        raise ValueError(
            f"{source.name} does not name its classes: `--labels FILE` must name {count}, one a "
            "line, in the order of its training."
        )
    highest = reading.highest_label
    if not reading.classes and highest >= len(classes):
        raise ValueError(
            f"{source.name} found an object of class {highest}, counted from 0, and there are "
            f"{len(classes)} class names. Give the names that the detector was trained with."
        )


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def main(arguments: Sequence[str]) -> None:
    """Answer one request: files of JSON for the request and for the answer.

    Args:
        arguments: Path of the request, path of the answer.
    """
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    request = TypeAdapter(Request).validate_json(Path(arguments[0]).read_bytes())
    try:
        answer = Answer(examine(request))
    except (ValueError, ModuleNotFoundError) as error:
        answer = Answer(error=str(error), kind=type(error).__name__)
    except OSError as error:
        names = ", ".join(file.name for file in request.files)
        answer = Answer(error=f"{names} cannot be copied: {error.strerror}.", kind="OSError")
    except MemoryError:
        answer = Answer(kind="MemoryError")
    Path(arguments[1]).write_bytes(TypeAdapter(Answer).dump_json(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
