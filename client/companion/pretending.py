"""Test mode: made-up answers without any server, for work on the page itself."""

import random
import zlib

from asking import FLOOR, Answer, Offer, Problem
from detectlab.client import Detection
from pictures import NotAPicture, view

STAMP = "TEST MODE: made-up boxes"
_CLASSES = ("apple", "banana", "car", "clock", "orange", "person", "bicycle", "dog")
# How many boxes and how many seconds to make up, at most.
_MODELS = {"test-small": (4, 0.03), "test-medium": (8, 0.1), "test-large": (16, 0.4)}


class PretendServer:
    """Answers like a server, at random: always the same for the same picture and detector."""

    address = "test mode"
    api_key = ""

    def look(self) -> Offer | Problem:
        """A service with three detectors."""
        return Offer("Test mode", "no server", tuple(_MODELS))

    def detect(self, data: bytes, model: str) -> Answer | Problem:
        """Boxes that lie in the picture, of no meaning."""
        try:
            width, height = view(data).size_wh
        except NotAPicture as error:
            return Problem(str(error), False)
        most, seconds = _MODELS[model]
        rng = random.Random(zlib.crc32(data + model.encode()))
        found = [_make_up(rng, width, height) for _ in range(rng.randint(most // 2, most))]
        found.sort(key=lambda item: -item["confidence"])
        took = rng.uniform(0.5, 1) * seconds
        return Answer(model, tuple(found), took, took)


def _make_up(rng: random.Random, width: int, height: int) -> Detection:
    box_width, box_height = (max(1, int(rng.uniform(0.1, 0.5) * side)) for side in (width, height))
    x_min, y_min = rng.randint(0, width - box_width), rng.randint(0, height - box_height)
    return Detection(
        x_min=x_min,
        y_min=y_min,
        x_max=x_min + box_width,
        y_max=y_min + box_height,
        class_name=rng.choice(_CLASSES),
        confidence=round(rng.uniform(FLOOR, 1), 3),
    )
