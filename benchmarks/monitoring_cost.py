"""What watching costs those who wait for an answer, and in memory.

    python benchmarks/monitoring_cost.py [--pairs 3000] [--out FILE]

Two real servers, one of which watches nothing, are asked for the same pictures in turn, in an order
that chance decides for each pair. The bars: p50 at most 2 % and p99 at most 3 % above, and memory
at most 10 MB above and flat over the second half.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import requests
from machine import describe_machine
from serve_command import serve

ROOT = Path(__file__).resolve().parent.parent
PICTURES = [ROOT / "images" / f"{name}.jpg" for name in ("apples", "oranges", "clock", "car")]
BARS = {"p50": 0.02, "p99": 0.03}
MAX_MB = 10.0


@contextmanager
def served(monitoring: str) -> Iterator[tuple[str, psutil.Process]]:
    """The address of a server with an empty home, and its process."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "DETECTLAB_HOME": home, "DETECTLAB_MODEL": "nano"}
        env["DETECTLAB_MONITORING"] = monitoring
        with serve(env) as server:
            yield server


def ask(session: requests.Session, url: str, picture: bytes) -> float:
    """Milliseconds of a request."""
    started = time.perf_counter()
    answer = session.post(f"{url}/predict", files={"file": picture}, timeout=120)
    answer.raise_for_status()
    return (time.perf_counter() - started) * 1000


def measure(pairs: int) -> dict[str, Any]:
    pictures, mix = [path.read_bytes() for path in PICTURES], random.Random(0)
    ms: dict[str, list[float]] = {"on": [], "off": []}
    memory: dict[str, list[float]] = {"on": [], "off": []}
    with served("1") as on, served("0") as off, requests.Session() as session:
        servers = {"on": on, "off": off}
        for number in range(pairs + 100):  # the first ones warm up
            picture = pictures[number % len(pictures)]
            for name in mix.sample(list(servers), 2):
                taken = ask(session, servers[name][0], picture)
                if number >= 100:
                    ms[name].append(taken)
            if number % max(1, pairs // 10) == 0:
                for name, (_, process) in servers.items():
                    memory[name].append(process.memory_info().rss / 2**20)
    return {"ms": ms, "memory_mb": memory}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "benchmarks/results/monitoring_cost.json"
    )
    arguments = parser.parse_args()
    found, is_met, result = measure(arguments.pairs), True, {}
    for name, bar in BARS.items():
        on, off = (float(np.percentile(found["ms"][key], int(name[1:]))) for key in ("on", "off"))
        change = on / off - 1
        is_met &= change <= bar
        result[name] = {"on_ms": round(on, 3), "off_ms": round(off, 3), "change": round(change, 4)}
        verdict = "met" if change <= bar else "MISSED"
        print(f"{name}: {on:.2f} ms on, {off:.2f} ms off, {change:+.1%} (bar {bar:+.0%}) {verdict}")
    end = {key: float(np.median(found["memory_mb"][key][-4:])) for key in ("on", "off")}
    more = end["on"] - end["off"]
    is_met &= more <= MAX_MB
    verdict = "met" if more <= MAX_MB else "MISSED"
    print(f"memory: {more:+.1f} MB (bar +{MAX_MB:.0f} MB) {verdict}")
    result |= {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "passed": bool(is_met),
        "pairs": arguments.pairs,
        "memory_mb": found["memory_mb"],
        "machine": describe_machine(),
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    return not is_met


if __name__ == "__main__":
    sys.exit(main())
