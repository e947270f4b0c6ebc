"""One module per inference runtime: nothing else imports one."""

from importlib.util import find_spec

from detectlab.engines.base import DARKNET_SCALE, Engine, Network

__all__ = ["DARKNET_SCALE", "ENGINES", "Engine", "Network", "available", "choose", "open_engine"]

# Each engine, and the packages it needs; the fastest first.
ENGINES = {"openvino": ("openvino", "onnx"), "opencv": ("cv2",)}


def available() -> tuple[str, ...]:
    """Names of the engines that are installed, the fastest first."""
    return tuple(name for name, needed in ENGINES.items() if all(map(find_spec, needed)))


def choose(name: str) -> str:
    """The engine that a name stands for.

    Args:
        name: One of `ENGINES`, or `"auto"` for the fastest that is installed.

    Raises:
        ValueError: When there is no such engine, or it is not installed.
    """
    here = available()
    if name == "auto":
        return here[0]
    if name not in ENGINES:
        known = ", ".join(["auto", *ENGINES])
        raise ValueError(f"`engine` must be one of {known}. Received: {name!r}")
    if name not in here:
        raise ValueError(
            f"The engine {name} is not installed: pip install 'detectlab[fast]' brings it. "
            f"Installed: {', '.join(here)}."
        )
    return name


def open_engine(
    network: Network, name: str = "auto", precision: str = "float32", copies: int = 2
) -> Engine:
    """Make a network ready to run.

    Args:
        network: Its files.
        name: One of `ENGINES`, or `"auto"` for the fastest that is installed.
        precision: `"float32"`; or `"fast"` for whatever an engine does best on this processor,
            which for OpenCV is float32 too.
        copies: How many pictures may be run at once; more callers wait.

    Raises:
        ValueError: When there is no such engine or precision, or it cannot read the files.
    """
    if precision not in ("float32", "fast"):
        raise ValueError(f"`precision` must be float32 or fast. Received: {precision!r}")
    if choose(name) == "openvino":
        from detectlab.engines.openvino import OpenVINOEngine

        return OpenVINOEngine(network, precision, copies)
    from detectlab.engines.opencv import OpenCVEngine

    return OpenCVEngine(network, copies)
