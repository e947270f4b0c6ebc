"""Mix the weights of two trainings, the second of which started from the first.

    python -m training.mix --first OLD --second NEW/checkpoint.pt --share 0.9 --out MIXED
    python -m training.mix --second NEW/checkpoint.pt --caution 0.5 --out MIXED

A network between the two often keeps what the first knew, and has what the second learnt.
Without `--first` the second stays as it is. `--caution` lowers every objectness before its sigmoid:
fewer false alarms, lower scores for all.
`training.export --run MIXED` exports it.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from training.run_files import read_network


def mix(first: dict[str, Tensor], second: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Gives weights on the line between two networks.

    Args:
        first: Weights by name.
        second: As many, of the same shapes.
        share: How far to go from the first (0) to the second (1).
    """
    return {
        name: torch.lerp(first[name], value, share) if value.dtype.is_floating_point else value
        for name, value in second.items()
    }


def main() -> None:
    """Writes a checkpoint that holds the mixed weights."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    files = "checkpoint.pt, or a folder with nano.cfg and nano.weights"
    parser.add_argument("--first", type=Path, help=f"{files}; none: nothing is mixed")
    parser.add_argument("--second", type=Path, required=True, help=files)
    parser.add_argument("--share", type=float, default=0.5, help="of the second, from 0 to 1")
    parser.add_argument("--caution", type=float, default=0.0, help="to take from the objectness")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint.pt")
    options = parser.parse_args()
    cfg, mixed = read_network(options.second)
    if options.first:
        _, first = read_network(options.first)
        mixed.load_state_dict(mix(first.state_dict(), mixed.state_dict(), options.share))
    mixed.shift_objectness(-options.caution)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.save({"cfg": cfg, "average": mixed.state_dict()}, options.out / "checkpoint.pt")


if __name__ == "__main__":
    main()
