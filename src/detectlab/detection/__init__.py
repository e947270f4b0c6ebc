"""Detectors: a picture goes in, objects come out."""
