"""Calibrate a network for int8, with NNCF, which is imported here only."""

import contextlib
import io
import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectlab.engines.base import Network
from detectlab.engines.hidden_modules import hidden
from detectlab.engines.openvino import read_network

T = TypeVar("T")

_MULTIPLICATIONS = {"Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul"}


def check_installed() -> None:
    """Import what calibrating needs; takes seconds.

    Raises:
        ModuleNotFoundError: When it is not installed; the message says how to install it.
    """
    try:
        with hidden("openvino_telemetry"):
            from nncf.common.logging import nncf_logger
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            'calibrating needs NNCF: `pip install "detectlab[quantize]"` brings it.'
        ) from None
    # `nncf.set_log_level` would change the handlers that others attached to its logger, too.
    nncf_logger.setLevel(logging.ERROR)


def calibrate(
    network: Network,
    pictures: Sequence[T],
    read: Callable[[T], NDArray[np.uint8]],
    *,
    in_float: int = 0,
) -> tuple[bytes, bytes]:
    """Calibrate a network for int8.

    Weights and inputs of convolutions and matrix products become int8. What follows the last of
    them, the decoding, stays in float: as int8 its scores collapse. Weights use 7 of the 8 bits, so
    that sums do not overflow on processors that add pairs in 16 bits (AVX2 without VNNI).

    Args:
        network: Its files.
        pictures: What `read` makes pictures of.
        read: Gives `(height, width, 3)` uint8 BGR, exactly the network's input size.
        in_float: How many of the first multiplications stay in float, and with any, the last ones
            before the decoding, too: errors there cost most.

    Returns:
        Its graph and its weights, for `Calibration`.
    """
    check_installed()
    import nncf
    from nncf.quantization.advanced_parameters import OverflowFix

    model = read_network(network)
    kept = _decoding(model)
    if in_float:
        kept += [*_multiplications(model)[:in_float], *_last_multiplications(model, set(kept))]
    inputs = [network.other_inputs.get(_name_of(port)) for port in model.inputs]

    def sample(picture: T) -> list[NDArray[Any]]:
        pixels = np.ascontiguousarray(read(picture)[None])
        return [pixels if value is None else value for value in inputs]

    # NNCF draws bars of its own on the standard output.
    with contextlib.redirect_stdout(io.StringIO()):
        quantized = nncf.quantize(
            model,
            nncf.Dataset(pictures, sample),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(pictures),
            ignored_scope=nncf.IgnoredScope(names=kept, validate=False),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=OverflowFix.ENABLE
            ),
        )
    return _serialize(quantized)


def _name_of(port: Any) -> str:
    return str(min(port.names, default=port.node.friendly_name))


def _multiplications(model: Any) -> list[str]:
    """Names of the convolutions and matrix products, in the order of their computation."""
    nodes = model.get_ordered_ops()
    return [n.get_friendly_name() for n in nodes if n.get_type_name() in _MULTIPLICATIONS]


def _last_multiplications(model: Any, decoding: set[str]) -> list[str]:
    """Names of the multiplications that only the decoding follows."""
    return [
        node.get_friendly_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() in _MULTIPLICATIONS and _followers(node) <= decoding
    ]


def _followers(node: Any) -> set[str]:
    return {
        target.get_node().get_friendly_name()
        for output in node.outputs()
        for target in output.get_target_inputs()
    }


def _decoding(model: Any) -> list[str]:
    """Names of the operations after the last multiplications, where no way leads to one."""
    names: list[str] = []
    leading: set[str] = set()
    for node in reversed(model.get_ordered_ops()):
        name = node.get_friendly_name()
        if node.get_type_name() in _MULTIPLICATIONS or _followers(node) & leading:
            leading.add(name)
        elif node.get_type_name() not in ("Constant", "Parameter", "Result"):
            names.append(name)
    return names


def _serialize(model: Any) -> tuple[bytes, bytes]:
    """A model's graph and its weights."""
    import openvino as ov

    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "network.xml"
        ov.save_model(model, str(graph), compress_to_fp16=False)
        return graph.read_bytes(), graph.with_suffix(".bin").read_bytes()
