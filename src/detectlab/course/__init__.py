"""Helpers of the notebooks: checks of the exercises, load, and a cluster on one machine."""
