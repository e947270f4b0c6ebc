"""Whether a server keeps within its limit for the memory of detectors, asked in turns.

    python benchmarks/memory_limit.py NAME... [--limits 200 300] [--rounds 20] [--write]

NAME are detectors that are here, or that `DETECTLAB_MIRROR` leads to; the first is the default one,
which always stays. Each limit gets a server of its own with each engine. What counts is the largest
resident memory above that of the server before its first detector, as a share of
`DETECTLAB_MEMORY_LIMIT_MB`; it should not exceed 1.15.
"""

import argparse
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import requests
from machine import describe_machine
from serve_command import serve
from tqdm import tqdm

from detectlab.engines import available

RESULT = Path(__file__).parent / "results" / "memory_limit.json"
PICTURE = Path(__file__).parents[1] / "images" / "fruits.jpg"
BAR = 1.15
MB = 1 << 20


def measure(engine: str, limit_mb: int, names: list[str], rounds: int) -> dict[str, Any]:
    """Ask detectors in turns, and watch the server's memory.

    Args:
        engine: What runs the networks.
        limit_mb: The limit in megabytes.
        names: The detectors; each is asked once a round.
        rounds: How often.
    """
    env = os.environ | {
        "DETECTLAB_ENGINE": engine,
        "DETECTLAB_MEMORY_LIMIT_MB": str(limit_mb),
        "DETECTLAB_MODEL": names[0],
    }
    outcomes: Counter[int] = Counter()
    with serve(env, when="/health") as (url, server):
        fresh = largest = server.memory_info().rss
        for name in tqdm(names * rounds, desc=f"{engine}, {limit_mb} MB", leave=False):
            answer = requests.post(
                f"{url}/predict",
                params={"model": name},
                headers={"Accept": "application/json"},
                files={"file": PICTURE.read_bytes()},
                timeout=120,
            )
            outcomes[answer.status_code] += 1
            largest = max(largest, server.memory_info().rss)
    return {
        "engine": engine,
        "limit_mb": limit_mb,
        "above_mb": round((largest - fresh) / MB),
        "share": round((largest - fresh) / MB / limit_mb, 3),
        "statuses": dict(outcomes),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="+", metavar="NAME", help="detectors to ask in turns")
    parser.add_argument("--limits", type=int, nargs="+", default=[200, 300], help="in MB")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--write", action="store_true", help="keep the result in results/")
    options = parser.parse_args()
    rows = [
        measure(engine, limit_mb, options.names, options.rounds)
        for engine in available()
        for limit_mb in options.limits
    ]
    for row in rows:
        print(json.dumps(row))
    if options.write:
        result = {**describe_machine(), "detectors": options.names, "rows": rows}
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if all(row["share"] <= BAR for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
