"""Detections as JSON, for the store and the shadow's process."""

import json

import numpy as np

from detectlab.vision.detections import Detections


def to_json(detections: Detections) -> str:
    """Objects as a JSON list of `[x_min, y_min, x_max, y_max, label, confidence]`."""
    return json.dumps(
        [[*corners, label, round(confidence, 4)] for corners, label, confidence in detections],
        separators=(",", ":"),
    )


def from_json(text: str) -> Detections:
    """The detections of `to_json`; `names` are the classes that occur."""
    rows = json.loads(text)
    names = tuple(sorted({row[4] for row in rows}))
    if not rows:
        return Detections.empty(names)
    return Detections(
        np.array([row[:4] for row in rows], np.float32),
        np.array([row[5] for row in rows], np.float32),
        np.array([names.index(row[4]) for row in rows], np.int64),
        names,
    )
