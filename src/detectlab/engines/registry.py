"""The registry of inference engines: an engine is one module and one entry here."""

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from detectlab.engines.base import Engine, Network

PRECISIONS = ("float32", "fast")
# What engines compute in; "fast" is one of these.
ARITHMETICS = ("int8", "bf16", "f16", "float32")


@dataclass(frozen=True)
class EngineEntry:
    """What is known about an engine before its runtime is imported.

    Attributes:
        name: What users type.
        title: What people call the runtime.
        factory: `module:attribute` of the engine's class, imported on first use; it is called with
            the network and the keywords `precision`, `concurrency` and `cache_folder`.
        packages: Names that must be importable.
        distributions: Names under which the runtime is installed; the first one found tells the
            version.
        install: The command that installs it.
    """

    name: str
    title: str
    factory: str
    packages: tuple[str, ...]
    distributions: tuple[str, ...]
    install: str

    @property
    def is_installed(self) -> bool:
        """Whether everything it imports is installed."""
        return all(map(find_spec, self.packages))

    @property
    def version(self) -> str:
        """The runtime's version, or an empty string when no distribution says it."""
        for distribution in self.distributions:
            try:
                return version(distribution)
            except PackageNotFoundError:
                continue
        return ""

    def load(self) -> "EngineClass":
        """Import the engine's class."""
        module, _, attribute = self.factory.partition(":")
        factory: EngineClass = getattr(import_module(module), attribute)
        return factory


class EngineClass(Protocol):
    """The class of an engine."""

    def __call__(
        self,
        network: Network,
        *,
        precision: str,
        concurrency: int,
        cache_folder: Path | None,
    ) -> Engine:
        """Load a network; `precision` is one of `precisions()`."""

    def precisions(self) -> tuple[str, ...]:
        """What it can compute in on this processor, the fastest first, of `ARITHMETICS`."""


# Fastest first: "auto" takes the first that is installed.
_ENTRIES = {
    entry.name: entry
    for entry in (
        EngineEntry(
            name="openvino",
            title="OpenVINO",
            factory="detectlab.engines.openvino:OpenVINOEngine",
            packages=("openvino", "onnx"),
            distributions=("openvino",),
            install="pip install openvino onnx",
        ),
        EngineEntry(
            name="opencv",
            title="OpenCV",
            factory="detectlab.engines.opencv:OpenCVEngine",
            packages=("cv2",),
            distributions=("opencv-python", "opencv-python-headless"),
            install="pip install 'opencv-python<5'",
        ),
    )
}


def register(entry: EngineEntry) -> None:
    """Add an engine, behind those that are registered already.

    Raises:
        ValueError: When an engine of this name, or `"auto"`, is registered already.
    """
    if entry.name in ("auto", *_ENTRIES):
        raise ValueError(f"an engine named {entry.name!r} is registered already.")
    _ENTRIES[entry.name] = entry


def unregister(name: str) -> None:
    """Remove an engine that `register` added."""
    del _ENTRIES[name]


def entries() -> tuple[EngineEntry, ...]:
    """All registered engines, the fastest first."""
    return tuple(_ENTRIES.values())


def names() -> tuple[str, ...]:
    """Names of all registered engines, the fastest first."""
    return tuple(_ENTRIES)


def available() -> tuple[str, ...]:
    """Names of the engines that are installed, the fastest first."""
    return tuple(entry.name for entry in _ENTRIES.values() if entry.is_installed)


def check_name(name: str) -> str:
    """Return the name of a registered engine, installed or not, or `"auto"`.

    Raises:
        ValueError: When there is no such engine; the message lists those that there are.
    """
    if name not in ("auto", *_ENTRIES):
        known = ", ".join(["auto", *_ENTRIES])
        raise ValueError(f"`engine` must be one of {known}. Received: {name!r}")
    return name


def choose(name: str) -> str:
    """Return the name of the engine to use.

    Args:
        name: One of `names()`, or `"auto"` for the fastest that is installed.

    Raises:
        ValueError: When there is no such engine, or it is not installed.
    """
    installed = available()
    if check_name(name) == "auto":
        return installed[0]
    if name not in installed:
        raise ValueError(
            f"The engine {name} is not installed: {_ENTRIES[name].install} brings it. "
            f"Installed: {', '.join(installed)}."
        )
    return name


def open_engine(
    network: Network,
    name: str = "auto",
    *,
    precision: str = "float32",
    concurrency: int = 2,
    cache_folder: Path | None = None,
) -> Engine:
    """Load a network into an engine.

    Args:
        network: Its files, and the pictures it takes.
        name: One of `names()`, or `"auto"` for the fastest that is installed.
        precision: `"float32"`, `"fast"` for the fastest arithmetic that the engine has on this
            processor for this network, or one of `ARITHMETICS`.
        concurrency: How many pictures run at once; further callers wait.
        cache_folder: Where an engine may keep compiled models; by default nowhere.

    Returns:
        The engine, ready to run.

    Raises:
        ValueError: When there is no such engine or precision, or it cannot read the files.
    """
    engine = _ENTRIES[choose(name)].load()
    return engine(
        network,
        precision=arithmetic(name, precision, is_calibrated=network.calibration is not None),
        concurrency=concurrency,
        cache_folder=cache_folder,
    )


def arithmetic(name: str, precision: str, *, is_calibrated: bool, allows_half: bool = True) -> str:
    """What an engine computes in on this processor.

    Args:
        name: As for `choose`.
        precision: One of `PRECISIONS`, or of `ARITHMETICS`.
        is_calibrated: Whether the network is here in int8.
        allows_half: Whether 16 bits are exact enough for it.

    Raises:
        ValueError: When there is no such engine or precision, or not here.
    """
    if precision == "float32":
        return precision
    here = [
        known
        for known in _ENTRIES[choose(name)].load().precisions()
        if (known != "int8" or is_calibrated) and (known not in ("bf16", "f16") or allows_half)
    ]
    if precision == "fast":
        return here[0]
    if precision not in here:
        known = ", ".join(["fast", *here])
        raise ValueError(f"`precision` must be one of {known} here. Received: {precision!r}")
    return precision
