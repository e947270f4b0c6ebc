"""Detections as JSON, for the store and the shadow's process."""

import json

from detectlab.vision.detections import Detections


def to_json(detections: Detections) -> str:
    """Objects as a JSON list of `[x_min, y_min, x_max, y_max, label, confidence]`."""
    return json.dumps(
        [[*corners, label, round(confidence, 4)] for corners, label, confidence in detections],
        separators=(",", ":"),
    )


def from_json(text: str) -> Detections:
    """The detections of `to_json`; `names` are the classes that occur."""
    return Detections.of((row[:4], row[4], row[5]) for row in json.loads(text))
