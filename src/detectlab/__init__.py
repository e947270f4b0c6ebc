"""Take an object detector from a notebook to a service that people can rely on."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from detectlab.client import DetectClient
    from detectlab.detection.common_objects import detect_common_objects
    from detectlab.detection.detector import load_detector
    from detectlab.serving.app import create_app
    from detectlab.vision.detections import Detections
    from detectlab.vision.drawing import draw_bbox
    from detectlab.vision.images import encode_image, read_image

# Public name -> module. Loaded on first use, so that `import detectlab` costs nothing
# and a client needs no OpenCV.
_HOME = {
    "DetectClient": "client",
    "Detections": "vision.detections",
    "create_app": "serving.app",
    "detect_common_objects": "detection.common_objects",
    "draw_bbox": "vision.drawing",
    "encode_image": "vision.images",
    "load_detector": "detection.detector",
    "read_image": "vision.images",
}

__all__ = [
    "DetectClient",
    "Detections",
    "__version__",
    "create_app",
    "detect_common_objects",
    "draw_bbox",
    "encode_image",
    "load_detector",
    "read_image",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'detectlab' has no attribute {name!r}")
    return getattr(import_module(f"detectlab.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
