"""OpenVINO as the engine: the fastest on most processors."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectlab.engines.base import Network
from detectlab.engines.darknet_onnx import to_onnx
from detectlab.engines.object_pool import Lending

# Importing OpenVINO brings its converter, which we have no use for, and which tells OpenVINO's
# makers about every import and keeps a number for this user in the home folder. OpenVINO goes on
# without it where it is not installed, so it is made to look like that.
_CONVERTER = "openvino.tools.ovc"
_keep_quiet = _CONVERTER not in sys.modules
if _keep_quiet:
    sys.modules[_CONVERTER] = None  # type: ignore[assignment]
try:
    import openvino as ov
    from openvino.preprocess import ColorFormat, PrePostProcessor
finally:
    if _keep_quiet:
        del sys.modules[_CONVERTER]


class OpenVINOEngine:
    """A Darknet or ONNX network that many threads may run at once.

    It is compiled for one picture at a time on all cores, and, when two first meet, once more for
    several pictures side by side, each on some cores: with two cores, yolov3-tiny in float32 takes
    29 ms for a picture alone, and for two at once 52 ms side by side, 61 ms one after the other.
    Both give the same numbers.

    Args:
        network: Its files.
        precision: `"float32"`, or `"fast"` for whatever this processor does best.
        copies: How many pictures may be run at once; beyond that, callers wait.

    Raises:
        ValueError: When the files cannot be read.
    """

    name = "openvino"

    def __init__(self, network: Network, precision: str = "float32", copies: int = 4) -> None:
        self.input_size_wh = network.input_size_wh
        self._model = _taking_pixels(_read(network), network)
        self._properties = {"INFERENCE_PRECISION_HINT": "f32"} if precision == "float32" else {}
        self._copies = copies
        self._alone = self._compiled("LATENCY", 1)
        self._beside: Lending[Any] | None = self._alone if copies == 1 else None
        self._compiling = threading.Lock()
        self._counting = threading.Lock()
        self._running = 0

    def run(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on one picture; see `Engine.run`."""
        with self._counted() as count:
            requests = self._alone if count == 1 else self._side_by_side()
            # A request for inference belongs to one caller at a time; they share the weights.
            with requests.one() as request:
                request.infer([np.ascontiguousarray(picture[None])], share_inputs=True)
                # A copy, since the request's own buffer is written again by the next caller.
                return np.array(request.get_output_tensor(0).data, np.float32)

    @contextmanager
    def _counted(self) -> Iterator[int]:
        """How many callers there are with this one."""
        with self._counting:
            self._running += 1
            count = self._running
        try:
            yield count
        finally:
            with self._counting:
                self._running -= 1

    def _side_by_side(self) -> Lending[Any]:
        with self._compiling:
            if self._beside is None:
                self._beside = self._compiled("THROUGHPUT", self._copies)
            return self._beside

    def _compiled(self, hint: str, copies: int) -> Lending[Any]:
        properties = {**self._properties, "PERFORMANCE_HINT": hint}
        compiled = _core().compile_model(self._model, "CPU", properties)
        return Lending(compiled.create_infer_request, copies)


@cache
def _core() -> Any:
    return ov.Core()


def _read(network: Network) -> Any:
    if network.config:
        return _core().read_model(to_onnx(network.config, network.weights, network.input_size_wh))
    try:
        return _core().read_model(network.weights)
    except RuntimeError:
        raise ValueError(
            f"OpenVINO cannot read {network.weights.name}: it is missing, damaged, or no ONNX file."
        ) from None


def _taking_pixels(model: Any, network: Network) -> Any:
    """The model with everything before its first layer in it: it takes pixels as they are."""
    width, height = network.input_size_wh
    model.reshape([1, 3, height, width])
    steps = PrePostProcessor(model)
    pixels = steps.input()
    pixels.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    pixels.tensor().set_color_format(ColorFormat.BGR)
    pixels.model().set_layout(ov.Layout("NCHW"))
    pixels.preprocess().convert_element_type(ov.Type.f32).convert_color(ColorFormat.RGB)
    pixels.preprocess().scale(1 / network.scale)
    steps.output(0).tensor().set_element_type(ov.Type.f32)
    return steps.build()
