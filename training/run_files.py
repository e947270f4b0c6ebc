"""Read a network that was trained before."""

from pathlib import Path

import torch

from training.network import Darknet


def read_network(path: Path) -> tuple[str, Darknet]:
    """Gives the description and the network of a training or an export.

    Args:
        path: `checkpoint.pt`, whose averaged weights count, or a folder with nano.cfg and
            nano.weights.
    """
    if path.is_dir():
        cfg = (path / "nano.cfg").read_text()
        network = Darknet(cfg)
        network.load_darknet((path / "nano.weights").read_bytes())
    else:
        state = torch.load(path, map_location="cpu")
        cfg = state["cfg"]
        network = Darknet(cfg)
        network.load_state_dict(state["average"])
    return cfg, network
