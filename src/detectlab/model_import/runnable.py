"""A user's ONNX file: read, copied, and run once by the engine that will serve it."""

from pathlib import Path

import numpy as np

from detectlab.detection.networks import make_network
from detectlab.engines import Engine, available, open_engine
from detectlab.model_import.onnx_reader import LIKELY_SIZES, OnnxFile, read_onnx
from detectlab.model_import.request import Request
from detectlab.models.files import ModelFiles
from detectlab.vision.fitting import Fitting


def read_runnable(request: Request, source: Path, files: ModelFiles) -> OnnxFile:
    """Read an ONNX file and write the copy; of an open size, the first likely one that runs.

    Args:
        request: What is asked.
        source: The file.
        files: Where the copy goes.

    Raises:
        ValueError: When the file cannot be read or run.
    """
    read = read_onnx(source, request.input_size)
    files.weights.write_bytes(read.content)
    sizes = [size for size in LIKELY_SIZES if (size, size) != read.input_size_wh]
    tried = [read.input_size_wh[0]]
    try:
        open_and_run(files, read.input_size_wh, Fitting(), request)
    except ValueError as error:
        if not read.has_open_size or request.input_size:
            raise ValueError(f"{source.name}: {error}") from error
        for size in sizes:
            tried.append(size)
            try:
                other = read_onnx(source, size)
                files.weights.write_bytes(other.content)
                open_and_run(files, other.input_size_wh, Fitting(), request)
            except ValueError:
                continue
            return other
        raise ValueError(
            f"{source.name} leaves the size of its input open, and runs with none of "
            f"{', '.join(map(str, tried))} pixels: `--input` says which one it was made for."
        ) from error
    return read


def open_and_run(
    files: ModelFiles, size_wh: tuple[int, int], fitting: Fitting, request: Request
) -> Engine:
    """Open the network and run it once, as the settings say.

    Args:
        files: Its files.
        size_wh: Width and height of its input in pixels.
        fitting: How pixels become its input.
        request: Names the engine and the precision.

    Raises:
        ValueError: When it cannot be run; the message names another engine that runs it.
    """
    network = make_network(files, size_wh, fitting)

    def run(name: str) -> Engine:
        engine = open_engine(network, name, precision=request.precision, concurrency=1)
        engine.run(np.full((size_wh[1], size_wh[0], 3), 127, np.uint8))
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
