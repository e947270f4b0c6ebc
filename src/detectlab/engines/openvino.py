"""OpenVINO as the engine: the fastest on most processors."""

import hashlib
import io
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from queue import LifoQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectlab.engines.base import Network, Outputs, file_digest
from detectlab.engines.calibration import read_calibration
from detectlab.engines.compiled_models import CompiledModels
from detectlab.engines.darknet_onnx import to_onnx
from detectlab.engines.hidden_modules import hidden
from detectlab.engines.processor import has_fast_int8

with hidden("openvino.tools.ovc"):
    import openvino as ov
    from openvino.preprocess import ColorFormat, PrePostProcessor

# A compiled model is only used on the processor that it was compiled for.
_DEVICE_PROPERTIES = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
_HALF = {"bf16": "BF16", "f16": "FP16"}
# What a calibration leaves in float, as the decoding, is computed in float32.
_HINTS = {"int8": "f32", "bf16": "bf16", "f16": "f16", "float32": "f32"}


class OpenVINOEngine:
    """A Darknet or ONNX network that many threads may run at once.

    It is compiled for one picture at a time on all cores, and, when two callers first meet, once
    more for several pictures side by side, each on some cores: with two cores, yolov3-tiny in
    float32 takes 29 ms for a single picture, and for two at once 52 ms side by side, 61 ms one
    after the other. Both give the same numbers.

    Args:
        network: Its files.
        precision: One of `precisions()`; int8 needs a network with a calibration.
        concurrency: How many pictures run at once; beyond that, callers wait.
        cache_folder: Where compiled models are kept; by default nowhere.

    Raises:
        ValueError: When the files cannot be read.
    """

    name = "openvino"

    def __init__(
        self,
        network: Network,
        *,
        precision: str = "float32",
        concurrency: int = 4,
        cache_folder: Path | None = None,
    ) -> None:
        self.input_size_wh = network.input_size_wh
        self.precision = precision
        self._properties = {"INFERENCE_PRECISION_HINT": _HINTS[precision]}
        self._concurrency = concurrency
        names, self._blob, single = self._load(network, cache_folder)
        self._names = names["outputs"]
        self._inputs = [network.other_inputs.get(name) for name in names["inputs"]]
        self._single = _requests(single, 1)
        self._parallel = self._single if concurrency == 1 else None
        self._compiling = threading.Lock()
        self._counting = threading.Lock()
        self._running = 0

    @staticmethod
    def precisions() -> tuple[str, ...]:
        """What it can compute in on this processor, the fastest first."""
        known = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        half = [name for name, capability in _HALF.items() if capability in known]
        return (*(["int8"] if has_fast_int8() else []), *half[:1], "float32")

    def run(self, picture: NDArray[np.uint8]) -> Outputs:
        """Run the network on one picture; see `Engine.run`."""
        pixels = np.ascontiguousarray(picture[None])
        inputs = [pixels if value is None else value for value in self._inputs]
        with self._count_callers() as count:
            requests = self._single if count == 1 else self._load_parallel()
            request = requests.get()
            try:
                request.infer(inputs, share_inputs=True)
                # Copies, since the next caller overwrites the request's own buffers.
                return {
                    name: np.array(request.get_output_tensor(index).data)
                    for index, name in enumerate(self._names)
                }
            finally:
                requests.put(request)

    @contextmanager
    def _count_callers(self) -> Iterator[int]:
        """Number of callers at work, this one included."""
        with self._counting:
            self._running += 1
            count = self._running
        try:
            yield count
        finally:
            with self._counting:
                self._running -= 1

    def _load_parallel(self) -> LifoQueue[Any]:
        with self._compiling:
            if self._parallel is None:
                model = self._import(self._blob, "THROUGHPUT")
                self._parallel = _requests(model, self._concurrency)
                self._blob = b""
            return self._parallel

    def _load(
        self, network: Network, cache_folder: Path | None
    ) -> tuple[dict[str, list[str]], bytes, Any]:
        """Compile the network for one picture at a time, or take it from the cache.

        Returns:
            The names of its inputs and outputs; the compiled model as bytes, which are kept until
            the second model is built, since the files may have gone by then; and ready to run.
        """
        stored = CompiledModels(cache_folder) if cache_folder else None
        key = self._key(network) if stored else ""
        if stored and (content := stored.read(key)):
            # A model that OpenVINO refuses is compiled again.
            with suppress(RuntimeError, ValueError):
                written, _, blob = content.partition(b"\n")
                return json.loads(written), blob, self._import(blob, "LATENCY")
        model = read_int8(network) if self.precision == "int8" else read_network(network)
        names = {
            "inputs": [_name_of(value) for value in model.inputs],
            "outputs": [_name_of(output) for output in model.outputs],
        }
        properties = {**self._properties, "PERFORMANCE_HINT": "LATENCY"}
        compiled = _core().compile_model(model, "CPU", properties)
        blob = compiled.export_model().getvalue()
        if stored:
            # Compiling adds names to inputs and outputs: the network's own are stored in front.
            stored.write(key, json.dumps(names).encode() + b"\n" + blob)
        return names, blob, compiled

    def _key(self, network: Network) -> str:
        """Digest of everything that a compiled model depends on."""
        digest = hashlib.sha256(network.digest.encode())
        code = [*Path(__file__).parent.glob("openvino*.py")]
        code += Path(__file__).with_name("darknet_onnx").glob("*.py")
        used = [network.calibration] if self.precision == "int8" and network.calibration else []
        for file in sorted(code) + used:
            digest.update(file_digest(file))
        device = [_core().get_property("CPU", name) for name in _DEVICE_PROPERTIES]
        digest.update(repr((self.precision, ov.get_version(), device)).encode())
        return digest.hexdigest()

    def _import(self, blob: bytes, hint: str) -> Any:
        properties = {**self._properties, "PERFORMANCE_HINT": hint}
        return _core().import_model(io.BytesIO(blob), "CPU", properties)


def _requests(model: Any, count: int) -> LifoQueue[Any]:
    """Requests for inference, which belong to one caller at a time; they share the weights."""
    requests: LifoQueue[Any] = LifoQueue()
    for _ in range(count):
        requests.put(model.create_infer_request())
    return requests


@cache
def _core() -> Any:
    # Compiled code that no network uses any more would be kept for later ones.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "0")
    return ov.Core()


def _name_of(port: Any) -> str:
    """Name of an input or output; unnamed ones are called after their node."""
    return str(min(port.names, default=port.node.friendly_name))


def read_network(network: Network) -> Any:
    """The network with its preprocessing as the first layers: it takes uint8 BGR pixels."""
    return _with_preprocessing(_read(network), network)


def read_int8(network: Network) -> Any:
    """The same network as it was calibrated."""
    assert network.calibration is not None
    calibration = read_calibration(network.calibration)
    return _core().read_model(calibration.graph, calibration.weights)


def _read(network: Network) -> Any:
    if network.config:
        content = to_onnx(
            network.config, weights=network.weights, input_size_wh=network.input_size_wh
        )
        return _core().read_model(content)
    try:
        return _core().read_model(network.weights)
    except RuntimeError:
        raise ValueError(
            f"OpenVINO cannot read {network.weights.name}: it is missing, damaged, or no ONNX file."
        ) from None


def _with_preprocessing(model: Any, network: Network) -> Any:
    """The model with the preprocessing as its first layers: it takes uint8 BGR pixels."""
    width, height = network.input_size_wh
    shapes = {
        _name_of(value): list(network.other_inputs[_name_of(value)].shape)
        if _name_of(value) in network.other_inputs
        else [1, 3, height, width]
        for value in model.inputs
    }
    model.reshape(shapes)
    steps = PrePostProcessor(model)
    for index, name in enumerate(shapes):
        if name not in network.other_inputs:
            _add_preprocessing(steps.input(index), network)
    for index, output in enumerate(model.outputs):
        if output.element_type.is_real():
            steps.output(index).tensor().set_element_type(ov.Type.f32)
    return steps.build()


def _add_preprocessing(pixels: Any, network: Network) -> None:
    tensor = pixels.tensor().set_layout(ov.Layout("NHWC")).set_color_format(ColorFormat.BGR)
    tensor.set_element_type(ov.Type.f32 if network.float_pixels else ov.Type.u8)
    pixels.model().set_layout(ov.Layout("NCHW"))
    steps = pixels.preprocess().convert_element_type(ov.Type.f32)
    if network.channel_order == "rgb":
        steps.convert_color(ColorFormat.RGB)
    steps.scale(1 / network.scale)
    if any(network.mean):
        steps.mean(list(network.mean))
    if any(value != 1 for value in network.deviation):
        steps.scale(list(network.deviation))
