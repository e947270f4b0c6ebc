"""The statistics of what the service observed."""

import numpy as np

from detectlab.monitoring.statistics import (
    PICTURE,
    Indices,
    answer_statistics,
    bins_of,
    file_statistics,
    picture_statistics,
)
from detectlab.serving.observation import Observation


def observed_bins(seen: Observation) -> Indices:
    """The bins of what was observed, `(COUNT,)`; `NO_VALUE` for what was not looked at."""
    if seen.thumbnail is None:
        values = file_statistics(seen.size_wh, seen.file_bytes)
    else:
        values = picture_statistics(seen.thumbnail, seen.size_wh, seen.file_bytes)
    if seen.detections is not None:
        answer = answer_statistics(seen.detections, seen.size_wh)
        values = np.where(PICTURE, values, answer)
    return bins_of(values)
