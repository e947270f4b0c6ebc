"""A user's ONNX file: read, copied, and run once by the engine that will serve it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from detectlab.detection.networks import make_network
from detectlab.engines import Engine, available, open_engine
from detectlab.model_import.onnx_reader import LIKELY_SIZES, OnnxFile, read_onnx
from detectlab.model_import.request import Request
from detectlab.models.files import ModelFiles
from detectlab.vision.fitting import Fitting

_AS_IT_IS = Fitting(colour="bgr", scale=1.0)


def read_runnable(request: Request, source: Path, files: ModelFiles) -> tuple[OnnxFile, Engine]:
    """Read an ONNX file and write the copy; of an open size, the first likely one that runs.

    Args:
        request: What is asked.
        source: The file.
        files: Where the copy goes.

    Returns:
        What was read, and the engine that runs it on pictures of float32.

    Raises:
        ValueError: When the file cannot be read or run.
    """
    read = read_onnx(source, request.input_size)
    try:
        return read, _write_and_run(read, files, request)
    except ValueError as error:
        if not read.has_open_size or request.input_size:
            raise ValueError(f"{source.name}: {error}") from error
        tried = [read.input_size_wh[0]]
        for size in (size for size in LIKELY_SIZES if (size, size) != read.input_size_wh):
            tried.append(size)
            try:
                other = read_onnx(source, size)
                return other, _write_and_run(other, files, request)
            except ValueError:
                continue
        raise ValueError(
            f"{source.name} leaves the size of its input open, and runs with none of "
            f"{', '.join(map(str, tried))} pixels: `--input` says which one it was made for."
        ) from error


def _write_and_run(read: OnnxFile, files: ModelFiles, request: Request) -> Engine:
    files.weights.write_bytes(read.content)
    return open_and_run(files, read.input_size_wh, request)


def open_and_run(
    files: ModelFiles,
    size_wh: tuple[int, int],
    request: Request,
    *,
    fitting: Fitting | None = None,
) -> Engine:
    """Open the network and run it once, as the settings say.

    Args:
        files: Its files.
        size_wh: Width and height of its input in pixels.
        request: Names the engine and the precision.
        fitting: How pixels become its input; by default the engine takes the input itself, as
            float32.

    Raises:
        ValueError: When it cannot be run; the message names another engine that runs it.
    """
    network = make_network(files, size_wh, fitting or _AS_IT_IS)
    network = replace(network, float_pixels=fitting is None)
    grey = np.full((size_wh[1], size_wh[0], 3), 0.5 if fitting is None else 127)

    def run(name: str) -> Engine:
        engine = open_engine(network, name, precision=request.precision, concurrency=1)
        engine.run(grey.astype(np.float32 if fitting is None else np.uint8))
        return engine

    try:
        return run(request.engine)
    except Exception as error:  # runtimes raise what they like
        for other in available():
            if other != request.engine:
                try:
                    run(other)
                except Exception:
                    continue
                raise ValueError(
                    f"the engine {request.engine} does not run this file, and {other} does: set "
                    f"DETECTLAB_ENGINE={other} for this command and for what uses the detector."
                ) from error
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ValueError(
            "this file cannot be run here. Export it anew as float32, with a fixed size and opset "
            f"17. The engine says: {reason:.200}"
        ) from error
