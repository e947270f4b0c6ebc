"""Mutate inputs of each format, keep those that cost most, and print the ten most expensive.

PYTHONPATH=tests python -m fuzz [--seconds 60] [--seed 1] [--formats JPEG TIFF] [--out FOLDER]
"""

import argparse
import random
import sys
import time
from pathlib import Path

from fuzz.cost import MAX_MEGABYTES, MAX_SECONDS, Cost, Judge
from fuzz.mutations import FORMATS, mutate, seeds

MAX_BYTES = 1 << 20
POPULATION = 30
SHOWN = 10


def search(format: str, until: float, rng: random.Random, judge: Judge) -> list[tuple[Cost, bytes]]:
    """The most expensive inputs of a format that are found before a point of `time.monotonic`."""
    is_form = format == "form"
    population = [(judge.cost(data, is_form), data) for data in seeds(format)]
    tried = len(population)
    while time.monotonic() < until:
        _, parent = rng.choice(population)
        data = mutate(format, parent, rng)[:MAX_BYTES]
        population.append((judge.cost(data, is_form), data))
        tried += 1
        if len(population) > 2 * POPULATION:
            best = sorted(population, key=lambda found: found[0], reverse=True)[:POPULATION]
            population = list({found[0].outcome + format: found for found in best}.values()) + best
    print(f"{format:5} {tried:7,} inputs", flush=True)
    return population


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--formats", nargs="+", default=FORMATS, choices=FORMATS)
    parser.add_argument("--out", type=Path, help="folder for the inputs that cost too much")
    options = parser.parse_args()
    rng, judge = random.Random(options.seed), Judge()
    found: list[tuple[Cost, str, bytes]] = []
    try:
        for format in options.formats:
            until = time.monotonic() + options.seconds / len(options.formats)
            found += [(cost, format, data) for cost, data in search(format, until, rng, judge)]
    finally:
        judge.close()
    found.sort(key=lambda one: one[0], reverse=True)
    print(f"\n{'format':6} {'bytes':>9} {'seconds':>8} {'MB':>5}  outcome")
    for cost, format, data in found[:SHOWN]:
        size = f"{format:6} {len(data):9,} {cost.seconds:8.3f} {cost.megabytes:5.0f}"
        print(f"{size}  {cost.outcome[:80]}")
    too_much = [one for one in found if one[0].score > 1]
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        for number, (_, format, data) in enumerate(too_much[:100]):
            (options.out / f"{number:03}.{format.lower()}").write_bytes(data)
    print(f"\n{len(too_much)} cost more than {MAX_SECONDS:g} s or {MAX_MEGABYTES:g} MB.")
    return 1 if too_much else 0


if __name__ == "__main__":
    sys.exit(main())
