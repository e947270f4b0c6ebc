"""Mix the weights of two trainings, the second of which started from the first.

    python -m training.mix --first OLD/checkpoint.pt --second NEW/checkpoint.pt --out RUN

A network half-way between the two often keeps what the first knew, and has what the second learnt.
`training.export --run RUN` exports it.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor


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
    parser.add_argument("--first", type=Path, required=True)
    parser.add_argument("--second", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.5, help="of the second, from 0 to 1")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint.pt")
    options = parser.parse_args()
    first, second = torch.load(options.first), torch.load(options.second)
    average = mix(first["average"], second["average"], options.share)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.save(second | {"average": average}, options.out / "checkpoint.pt")


if __name__ == "__main__":
    main()
