"""Choosing a detector: what each finds in the same pictures, and what it costs."""

from detectlab.compare.contender import Contender
from detectlab.compare.drawing import most_different, side_by_side
from detectlab.compare.measure import compare_detectors
from detectlab.compare.result import Comparison, Row

__all__ = [
    "Comparison",
    "Contender",
    "Row",
    "compare_detectors",
    "most_different",
    "side_by_side",
]
