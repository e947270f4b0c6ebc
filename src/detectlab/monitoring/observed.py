"""The statistics of what the service observed."""

from collections.abc import Sequence

import numpy as np

from detectlab.monitoring.statistics import (
    PICTURE,
    Floats,
    Indices,
    answer_statistics,
    bins_of,
    file_statistics,
    picture_statistics,
)
from detectlab.serving.observation import Observation


def observed_bins(seen: Sequence[Observation]) -> Indices:
    """The bins of each observation, `(N, COUNT)`; `NO_VALUE` for what was not looked at."""
    return bins_of(np.array([*map(_values, seen)]))


def _values(seen: Observation) -> Floats:
    if seen.thumbnail is None:
        values = file_statistics(seen.size_wh, seen.file_bytes)
    else:
        values = picture_statistics(seen.thumbnail, seen.size_wh, seen.file_bytes)
    if seen.detections is not None:
        answer = answer_statistics(seen.detections, seen.size_wh)
        values = np.where(PICTURE, values, answer)
    return values
