"""Make a trained network deeper, without changing what it answers.

    python -m training.grow --start FIRST --out GROWN
    python -m training.train --start GROWN/checkpoint.pt ...

It takes the weights of a network whose layers all occur in `make_cfg`'s, in the same order. The new
layers are residual blocks whose last normalisation begins at zero: each adds nothing until training
changes it (zero initialisation: Goyal et al. 2017, https://arxiv.org/abs/1706.02677; growing a
network while it keeps its function: Chen et al. 2015, https://arxiv.org/abs/1511.05641).
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from training.network import Darknet, make_cfg
from training.run_files import read_network
from training.task import CLASSES

RESIDUAL = ("convolutional", "convolutional", "shortcut")


def grow(first: Darknet, cfg: str) -> Darknet:
    """Gives a deeper network that answers as the first one does.

    Args:
        first: The trained network.
        cfg: The description of the deeper one.

    Raises:
        ValueError: The first has layers that the description lacks.
    """
    grown, number = Darknet(cfg), 0
    for old in range(len(first.layers)):
        while not _is_same(first, old, grown, number):
            number = _silence(grown, number)
        grown.layers[number].load_state_dict(first.layers[old].state_dict())
        number += 1
    return grown


def _shapes(layer: nn.Module) -> Iterator[torch.Size]:
    return (value.shape for value in layer.state_dict().values())


def _is_block(network: Darknet, number: int) -> bool:
    kinds = tuple(kind for kind, _ in network.sections[number : number + len(RESIDUAL)])
    return kinds == RESIDUAL


def _is_same(first: Darknet, old: int, grown: Darknet, number: int) -> bool:
    """Whether a layer of the first network is this one, and no new block begins here."""
    if number >= len(grown.layers):
        raise ValueError("the network has layers that make_cfg's lacks: it cannot be grown to it")
    is_new = _is_block(grown, number) and not _is_block(first, old)
    alike = first.sections[old][0] == grown.sections[number][0]
    return (
        alike and not is_new and [*_shapes(first.layers[old])] == [*_shapes(grown.layers[number])]
    )


def _silence(grown: Darknet, number: int) -> int:
    """Makes the block that begins here add nothing; gives the number of the layer after it."""
    if not _is_block(grown, number):
        raise ValueError(f"layer {number} of make_cfg's network is in no new residual block")
    norm = grown.layers[number + 1][1]
    nn.init.zeros_(norm.weight)
    nn.init.zeros_(norm.bias)
    return number + len(RESIDUAL)


def main() -> None:
    """Writes a checkpoint that `training.train --start` takes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--start", type=Path, required=True, help="checkpoint.pt, or a folder")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint.pt")
    options = parser.parse_args()
    _, first = read_network(options.start)
    anchors_wh = [tuple(map(int, pair)) for head in first.anchors_wh()[::-1] for pair in head]
    cfg = make_cfg(len(CLASSES), anchors_wh)
    options.out.mkdir(parents=True, exist_ok=True)
    grown = grow(first, cfg)
    torch.save({"cfg": cfg, "average": grown.state_dict()}, options.out / "checkpoint.pt")


if __name__ == "__main__":
    main()
