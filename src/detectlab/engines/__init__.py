"""One module per inference runtime: nothing else imports one."""

from detectlab.engines.network import DARKNET_SCALE, Engine, Network

__all__ = ["DARKNET_SCALE", "Engine", "Network", "available", "open_engine"]


def available() -> tuple[str, ...]:
    """Names of the engines that are installed, the fastest first."""
    return ("opencv",)


def open_engine(
    network: Network, name: str = "auto", precision: str = "float32", copies: int = 2
) -> Engine:
    """Make a network ready to run.

    Args:
        network: Its files.
        name: `"opencv"`, or `"auto"` for the fastest one that is installed.
        precision: `"float32"`.
        copies: How many pictures may be run at once; more callers wait.

    Raises:
        ValueError: When there is no such engine or precision, or it cannot read the files.
    """
    if name not in ("auto", *available()):
        raise ValueError(f'`engine` must be "auto" or "opencv". Received: {name!r}')
    if precision not in ("float32", "fast"):
        raise ValueError(f'`precision` must be "float32" or "fast". Received: {precision!r}')
    from detectlab.engines.opencv import OpenCVEngine

    return OpenCVEngine(network, copies)
