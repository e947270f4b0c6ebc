"""One module per inference runtime: nothing else imports one."""

from importlib.util import find_spec

from detectlab.engines.network import DARKNET_SCALE, Engine, Network

__all__ = ["DARKNET_SCALE", "ENGINES", "Engine", "Network", "available", "open_engine"]

# Each engine, and the packages it needs; the fastest first.
ENGINES = {"openvino": ("openvino", "onnx"), "opencv": ("cv2",)}


def available() -> tuple[str, ...]:
    """Names of the engines that are installed, the fastest first."""
    return tuple(name for name, needed in ENGINES.items() if all(map(find_spec, needed)))


def open_engine(
    network: Network, name: str = "auto", precision: str = "float32", copies: int = 2
) -> Engine:
    """Make a network ready to run.

    Args:
        network: Its files.
        name: One of `available()`, or `"auto"` for the fastest of them.
        precision: `"float32"`; or `"fast"` for whatever an engine does best on this processor,
            which for OpenCV is float32 too.
        copies: How many pictures may be run at once; more callers wait.

    Raises:
        ValueError: When there is no such engine or precision, or it cannot read the files.
    """
    here = available()
    if name not in ("auto", *ENGINES):
        known = ", ".join(["auto", *ENGINES])
        raise ValueError(f"`engine` must be one of {known}. Received: {name!r}")
    if name not in ("auto", *here):
        raise ValueError(
            f"The engine {name} is not installed: pip install 'detectlab[fast]' brings it. "
            f"Installed: {', '.join(here)}."
        )
    if precision not in ("float32", "fast"):
        raise ValueError(f"`precision` must be float32 or fast. Received: {precision!r}")
    if name == "openvino" or (name == "auto" and here[0] == "openvino"):
        from detectlab.engines.openvino import OpenVINOEngine

        return OpenVINOEngine(network, precision, copies)
    from detectlab.engines.opencv import OpenCVEngine

    return OpenCVEngine(network, copies)
