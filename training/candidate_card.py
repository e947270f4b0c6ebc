"""Print what candidates gained, from the cards that `training.finetune` wrote.

python -m training.candidate_card benchmarks/results/finetune-*.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

PARTS = ("corrected", "known")


def describe(card: dict[str, Any]) -> str:
    """Gives AP50 before and after on the held-out pictures of both kinds, and the verdict."""
    lines = []
    for name in PARTS:
        change = card[name]
        lines.append(
            f"{name:<10} AP50 {change['before']:.3f} -> {change['after']:.3f}, difference from "
            f"{change['low']:+.3f} to {change['high']:+.3f} (95 %), {change['pictures']} held-out "
            f"pictures, {change['objects']} objects"
        )
    return "\n".join([*lines, card["verdict"]])


def main() -> None:
    """Prints cards."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("card", type=Path, nargs="+", help="card.json of a candidate")
    for card in parser.parse_args().card:
        print(describe(json.loads(card.read_text("utf-8"))))


if __name__ == "__main__":
    main()
