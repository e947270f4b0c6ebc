"""What the service observes of its answers: the hook for monitoring.

The service appends to a queue of bounded length, and calls nothing of the monitor.
"""

from collections import deque
from typing import NamedTuple

from detectlab.vision.detections import Detections
from detectlab.vision.images import Pixels

# Four times a second the monitor takes all: this many wait at most, and then the oldest is dropped.
MAX_WAITING = 256


class Observation(NamedTuple):
    """What was observed of one answer.

    Attributes:
        at: When, in seconds since 1970.
        model: The detector.
        lane: `"stable"`, `"candidate"`, or `"named"` when the client named the detector.
        detections: The objects; `None` when the client chose a threshold of its own.
        classes: The detector's classes.
        size_wh: Width and height of the picture, in pixels.
        file_bytes: Size of its file.
        thumbnail: The picture in at most 160 x 160 pixels, of a share of the pictures.
    """

    at: float
    model: str
    lane: str
    detections: Detections | None
    classes: tuple[str, ...]
    size_wh: tuple[int, int]
    file_bytes: int
    thumbnail: Pixels | None


Observations = deque[Observation]
