"""Comparison of detectors on the same pictures: accuracy, time, size and memory."""

from detectlab.compare.contact_sheet import draw_contact_sheet, most_different
from detectlab.compare.contender import Contender
from detectlab.compare.measure import compare_detectors
from detectlab.compare.table import ComparisonTable, Row

__all__ = [
    "ComparisonTable",
    "Contender",
    "Row",
    "compare_detectors",
    "draw_contact_sheet",
    "most_different",
]
