"""How long each detector takes, beside yolov3-tiny: the speeds of README.md's list.

    python benchmarks/detectors.py [--rounds 15] [--out FILE]

Only detectors whose network is known on this machine take part: from the package, the cache, or
the folder of DETECTLAB_MIRROR. Where a Darknet configuration is there without its weights, random
ones take their place, since the time does not depend on them. All of them get the same picture by
turns; a detector's speed is the median of its ratios to yolov3-tiny's time of the same turn.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe_machine
from numpy.typing import NDArray
from tqdm import tqdm

from detectlab.detection.networks import network_of
from detectlab.engines import Engine, Network, open_engine
from detectlab.models.files import locate
from detectlab.models.registry import ModelCard, built_in
from detectlab.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = "yolov3-tiny"
WARM_UP = 3
HEADER = np.array([0, 2, 5, 0, 0], "<i4").tobytes()


def find(card: ModelCard, name: str | None) -> Path | None:
    """One of a detector's files, where it lies on this machine."""
    mirror = Settings().mirror
    folders = [locate(card).weights.parent, *([Path(mirror)] if mirror else [])]
    files = (folder / name for folder in folders if name)
    return next((file for file in files if file.is_file()), None)


def network_here(card: ModelCard, folder: Path) -> tuple[Network, str] | None:
    """A detector's network, and whose weights it has; `None` where it is not known here."""
    weights, config = find(card, card.weights.name), None
    if card.config:
        config = find(card, card.config.name)
        if config is None:
            return None
    origin = "its own" if weights else "random"
    if weights is None:
        if config is None or card.weights.size is None:
            return None
        weights = write_random(folder / card.weights.name, card.weights.size)
    return replace(network_of(card, Settings()), weights=weights, config=config), origin


def write_random(file: Path, size: int) -> Path:
    """Write random weights of so many bytes."""
    # Small and positive: a variance below zero would make every number NaN, which is slow.
    values = np.random.default_rng(0).random((size - len(HEADER)) // 4, dtype=np.float32) / 50
    file.write_bytes(HEADER + values.astype("<f4").tobytes())
    return file


def measure(
    engines: dict[str, tuple[Engine, NDArray[np.uint8]]], rounds: int
) -> dict[str, list[float]]:
    """Milliseconds of every detector, round by round, without those that warm up."""
    names = list(engines)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in tqdm(range(WARM_UP + rounds), unit="round"):
        for place in range(len(names)):
            name = names[(place + turn) % len(names)]
            engine, picture = engines[name]
            started = time.perf_counter()
            engine.run(picture)
            times[name].append((time.perf_counter() - started) * 1000)
    return {name: taken[WARM_UP:] for name, taken in times.items()}


def summarise(taken: list[float], reference: list[float]) -> dict[str, Any]:
    p10, p50, p90 = (round(float(p), 1) for p in np.percentile(taken, (10, 50, 90)))
    ratio = float(np.median(np.array(taken) / np.array(reference)))
    return {"ratio": round(ratio, 3), "ms": {"p10": p10, "p50": p50, "p90": p90}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--engine", default="openvino")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/detectors.json")
    arguments = parser.parse_args()
    rng, engines, origins = np.random.default_rng(0), {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for card in built_in().values():
            known = network_here(card, Path(folder))
            if known:
                width, height = card.input_size_wh
                picture = rng.integers(0, 255, (height, width, 3), np.uint8)
                engine = open_engine(known[0], arguments.engine, concurrency=1)
                engines[card.name], origins[card.name] = (engine, picture), known[1]
        if REFERENCE not in engines:
            raise SystemExit(f"{REFERENCE} is what the others are compared with, and is not here")
        machine = describe_machine()
        times = measure(engines, arguments.rounds)
    result = {
        "machine": machine,
        "engine": arguments.engine,
        "rounds": arguments.rounds,
        "reference": REFERENCE,
        "detectors": {
            name: {
                **summarise(taken, times[REFERENCE]),
                "input_size": list(built_in()[name].input_size_wh),
                "weights": origins[name],
            }
            for name, taken in times.items()
        },
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    for name, figures in result["detectors"].items():
        print(f"{name:<16} {figures['ms']['p50']:7.1f} ms, {figures['ratio']:.2f} of {REFERENCE}")


if __name__ == "__main__":
    main()
