"""What a server does with more requests than it can answer."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from .contestants import Started, plain_environment
from .rounds import drive

MANY_CLIENTS = 64
TIMES = 2.0  # its capacity


def measure_overload(server: Started, pictures: list[Path], seconds: float) -> dict[str, Any]:
    """Its capacity with 8 clients, then 64 clients, then twice the capacity at a fixed rate.

    Args:
        server: Runs already.
        pictures: Files to send.
        seconds: Of each measurement, at least.
    """
    length = f"--seconds={3 * seconds:g}"
    closed = drive(server, pictures, "--clients=8", length)
    many = drive(server, pictures, f"--clients={MANY_CLIENTS}", length)
    capacity = len(closed["ms"]) / closed["seconds"]
    run = subprocess.run(
        [
            *(sys.executable, "-m", "bench.overload", f"--url={server.url}/predict"),
            *(f"--rate={TIMES * capacity}", length),
            *map(str, pictures),
        ],
        env=plain_environment(),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return {
        "capacity": round(capacity, 1),
        "many": {
            "clients": MANY_CLIENTS,
            "rate": round(len(many["ms"]) / many["seconds"], 1),
            "p99_ms": round(float(np.percentile(many["ms"], 99)), 1) if many["ms"] else None,
            "outcomes": many["outcomes"],
        },
        "open": json.loads(run.stdout),
    }
