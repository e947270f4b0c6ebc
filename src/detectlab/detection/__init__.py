"""Detectors, ready to be asked."""
