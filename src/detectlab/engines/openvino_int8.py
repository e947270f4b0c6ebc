"""Calibrate a network for int8, with NNCF, which is imported here only."""

import contextlib
import io
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectlab.engines.base import Network
from detectlab.engines.hidden_modules import hidden
from detectlab.engines.openvino import read_network, serialize

T = TypeVar("T")

_MULTIPLICATIONS = {"Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul"}


def check_installed() -> None:
    """Import what calibrating needs; takes seconds.

    Raises:
        ModuleNotFoundError: When it is not installed; the message says how to install it.
    """
    try:
        with hidden("openvino_telemetry"):
            import nncf
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            'calibrating needs NNCF: `pip install "detectlab[quantize]"` brings it.'
        ) from None
    nncf.set_log_level(40)  # logging.ERROR


def calibrate(
    network: Network, pictures: Sequence[T], read: Callable[[T], NDArray[np.uint8]]
) -> tuple[bytes, bytes]:
    """Calibrate a network for int8.

    Weights and inputs of convolutions and matrix products become int8. What follows the last of
    them, the decoding, stays in float: as int8 its scores collapse. Weights use 7 of the 8 bits, so
    that sums do not overflow on processors that add pairs in 16 bits (AVX2 without VNNI).

    Args:
        network: Its files.
        pictures: What `read` makes pictures of.
        read: Gives `(height, width, 3)` uint8 BGR, exactly the network's input size.

    Returns:
        Its graph and its weights, for `Calibration`.
    """
    check_installed()
    import nncf
    from nncf.quantization.advanced_parameters import OverflowFix

    model = read_network(network)
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
            ignored_scope=nncf.IgnoredScope(names=_decoding(model), validate=False),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=OverflowFix.ENABLE
            ),
        )
    return serialize(quantized)


def _name_of(port: Any) -> str:
    return str(min(port.names, default=port.node.friendly_name))


def _decoding(model: Any) -> list[str]:
    """Names of the operations after the last multiplications, where no way leads to one."""
    names: list[str] = []
    leading: set[str] = set()
    for node in reversed(model.get_ordered_ops()):
        followers = {
            target.get_node().get_friendly_name()
            for output in node.outputs()
            for target in output.get_target_inputs()
        }
        name = node.get_friendly_name()
        if node.get_type_name() in _MULTIPLICATIONS or followers & leading:
            leading.add(name)
        elif node.get_type_name() not in ("Constant", "Parameter", "Result"):
            names.append(name)
    return names
