"""Histograms of a baseline and of now, side by side, for people."""

import itertools
from typing import Any

import numpy as np

from detectlab.monitoring.sketch import Sketch
from detectlab.monitoring.statistics import NAMES, STATISTICS

_BARS = 16


def histogram(
    baseline: Sketch, now: Sketch, *, name: str, classes: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Shares of both in some bars of equal width, over the values that occur.

    Args:
        baseline: One sketch.
        now: The other one.
        name: The statistic.
        classes: The detector's classes.

    Returns:
        For each bar its `label` (the value at its lower end, or a class) and both shares, as
        `baseline` and `now`; empty when neither sketch has a value.
    """
    row = NAMES.index(name)
    statistic, old, new = STATISTICS[row], baseline.counts[row], now.counts[row]
    used = np.flatnonzero(old + new)
    if not len(used):
        return []
    if statistic.is_class:
        groups = [(statistic.class_name(int(index), classes), np.array([index])) for index in used]
    else:
        edges = np.linspace(used[0], used[-1] + 1, min(_BARS, used[-1] - used[0] + 1) + 1)
        groups = [
            (_lower_end(row, int(low)), np.arange(low, high))
            for low, high in itertools.pairwise(np.unique(edges.astype(int)))
        ]
    return [
        {
            "label": label,
            "baseline": round(int(old[cells].sum()) / max(1, int(old.sum())), 4),
            "now": round(int(new[cells].sum()) / max(1, int(new.sum())), 4),
        }
        for label, cells in groups
    ]


def _lower_end(row: int, index: int) -> str:
    if NAMES[row] == "objects":
        return str(index)
    return f"{STATISTICS[row].value_at(index - 0.5):.4g}"
