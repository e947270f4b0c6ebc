"""Inference runtimes: one module each, and one entry in the registry."""

from detectlab.engines.base import DARKNET_SCALE, Engine, Network, Outputs
from detectlab.engines.registry import EngineEntry, available, choose, names, open_engine

__all__ = [
    "DARKNET_SCALE",
    "Engine",
    "EngineEntry",
    "Network",
    "Outputs",
    "available",
    "choose",
    "names",
    "open_engine",
]
