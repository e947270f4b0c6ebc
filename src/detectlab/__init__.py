"""Take an object detector from a notebook to a service that people can rely on."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from detectlab.api import create_app
    from detectlab.client import DetectClient
    from detectlab.detections import Detections
    from detectlab.detector import detect_common_objects, load_detector
    from detectlab.drawing import draw_bbox

# Public name -> module. Loaded on first use, so that `import detectlab` costs nothing
# and a client needs no OpenCV.
_HOME = {
    "DetectClient": "client",
    "Detections": "detections",
    "create_app": "api",
    "detect_common_objects": "detector",
    "draw_bbox": "drawing",
    "load_detector": "detector",
}

__all__ = [
    "DetectClient",
    "Detections",
    "__version__",
    "create_app",
    "detect_common_objects",
    "draw_bbox",
    "load_detector",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'detectlab' has no attribute {name!r}")
    return getattr(import_module(f"detectlab.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
