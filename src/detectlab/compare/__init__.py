"""Choosing a detector: what each finds in the same pictures, and what it costs."""

from detectlab.compare.contact_sheet import most_different, side_by_side
from detectlab.compare.contender import Contender
from detectlab.compare.measure import compare_detectors
from detectlab.compare.table import Comparison, Row

__all__ = [
    "Comparison",
    "Contender",
    "Row",
    "compare_detectors",
    "most_different",
    "side_by_side",
]
