"""Detectors in int8: calibrate them on pictures, and measure what that costs."""

from detectlab.quantize.calibrate import quantize_detector, split_pictures

__all__ = ["quantize_detector", "split_pictures"]
