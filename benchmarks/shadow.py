"""What a candidate in the shadow costs those who wait for stable: p95 with and without it.

    python benchmarks/shadow.py [--requests 150] [--clients 1] [--repeats 5] [--out FILE]

A real server is asked in rounds; in each, every kind of shadow has its turn beside a turn without
one, in changing order, so that whatever else the machine does hits them alike. The verdict fails
when the median of the rounds' changes of p95 is above 10 %, or any answer differs from that of a
lone call.
"""

import argparse
import concurrent.futures
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import requests
from machine import describe_machine
from serve_command import serve

from detectlab.client import RolloutClient

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 0.10
PICTURES = [ROOT / "images" / f"{name}.jpg" for name in ("apples", "oranges", "clock", "car")]
# Kind of shadow -> its candidate.
CANDIDATES: dict[str, dict[str, Any]] = {
    "sound": {"model": "nano", "input_size": 256},
    "raises": {"model": "nano", "drill": "raises"},
    "hangs": {"model": "nano", "drill": "hangs"},
    "slow": {"model": "nano", "drill": "slow"},
    "eats_memory": {"model": "nano", "drill": "eats_memory"},
}
TOKEN = "the benchmark's token"


@contextmanager
def served() -> Iterator[str]:
    """The address of a server with an empty home."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "DETECTLAB_HOME": home, "DETECTLAB_MODEL": "nano"}
        env["DETECTLAB_OPERATOR_TOKEN"] = TOKEN
        with serve(env) as (url, _):
            yield url


def ask(session: requests.Session, url: str, picture: bytes) -> tuple[float, str]:
    """Milliseconds of a request, and what it found."""
    started = time.perf_counter()
    answer = session.post(
        f"{url}/predict",
        files={"file": picture},
        headers={"Accept": "application/json"},
        timeout=120,
    )
    answer.raise_for_status()
    return (time.perf_counter() - started) * 1000, str(answer.json()["detections"])


def turn(url: str, pictures: list[bytes], right: list[str], count: int, clients: int) -> Any:
    """Milliseconds of `count` requests, and how many answers were wrong."""

    def client(first: int) -> list[tuple[float, bool]]:
        with requests.Session() as session:
            seen = []
            for number in range(first, count, clients):
                which = number % len(pictures)
                ms, found = ask(session, url, pictures[which])
                seen.append((ms, found != right[which]))
            return seen

    with concurrent.futures.ThreadPoolExecutor(clients) as threads:
        seen = [one for part in threads.map(client, range(clients)) for one in part]
    return [ms for ms, _ in seen], sum(wrong for _, wrong in seen)


def begin(url: str, pictures: list[bytes], right: list[str], kind: str) -> None:
    """Ask until the candidate runs: its start is not what is measured."""

    def seen() -> int:
        lines = requests.get(f"{url}/metrics", timeout=60).text.splitlines()
        counts = [line for line in lines if line.startswith("detectlab_rollout_shadowed_total")]
        return sum(int(float(line.split()[-1])) for line in counts if "skipped" not in line)

    before = seen()
    turn(url, pictures, right, len(pictures), 1)
    while kind != "off" and seen() == before:
        turn(url, pictures, right, len(pictures), 1)


def plan_of(kind: str) -> dict[str, Any]:
    if kind == "off":
        return {"mode": "stable", "stable": {"model": "nano"}}
    return {"mode": "shadow", "stable": {"model": "nano"}, "candidate": CANDIDATES[kind]}


def measure(url: str, arguments: argparse.Namespace) -> dict[str, Any]:
    operator, mix = RolloutClient(url, operator="benchmark", operator_token=TOKEN), random.Random(0)
    pictures = [path.read_bytes() for path in PICTURES]
    with requests.Session() as session:
        right = [ask(session, url, picture)[1] for picture in pictures]
    all_ms: dict[str, list[float]] = {kind: [] for kind in ("off", *CANDIDATES)}
    changes: dict[str, list[float]] = {kind: [] for kind in CANDIDATES}
    wrong = 0
    for repeat in range(arguments.repeats + 1):  # the first one warms up, and is dropped
        for kind in mix.sample(list(CANDIDATES), len(CANDIDATES)):
            p95 = {}
            for now in mix.sample(["off", kind], 2):
                operator.put(plan_of(now))
                begin(url, pictures, right, now)
                ms, bad = turn(url, pictures, right, arguments.requests, arguments.clients)
                p95[now], wrong = float(np.percentile(ms, 95)), wrong + bad
                if repeat:
                    all_ms[now] += ms
            if repeat:
                changes[kind].append(p95[kind] / p95["off"] - 1)
                print(f"round {repeat}, {kind}: p95 {p95[kind]:.0f} ms, {p95['off']:.0f} without")
    return {"wrong_answers": wrong, "kinds": summarise(all_ms, changes)}


def summarise(all_ms: dict[str, list[float]], changes: dict[str, list[float]]) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    for kind, ms in all_ms.items():
        p50, p95, p99 = (round(float(p), 1) for p in np.percentile(ms, [50, 95, 99]))
        kinds[kind] = {"requests": len(ms), "p50_ms": p50, "p95_ms": p95, "p99_ms": p99}
        if kind in changes:
            kinds[kind]["p95_changes"] = [round(change, 4) for change in changes[kind]]
            kinds[kind]["p95_change"] = round(statistics.median(changes[kind]), 4)
    return kinds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=150)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/shadow.json")
    arguments = parser.parse_args()
    with served() as url:
        found = measure(url, arguments)
    settings = {name: value for name, value in vars(arguments).items() if name != "out"}
    passed = not found["wrong_answers"] and all(
        kind.get("p95_change", 0) <= LIMIT for kind in found["kinds"].values()
    )
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "passed": passed,
        "settings": settings,
        "machine": describe_machine(),
        **found,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    for name, kind in found["kinds"].items():
        change = f", change of p95 {kind['p95_change']:+.1%}" if "p95_change" in kind else ""
        print(f"{name:<12} p50 {kind['p50_ms']:7.1f} ms  p95 {kind['p95_ms']:7.1f} ms{change}")
    print("passed" if passed else "FAILED", f"({found['wrong_answers']} wrong answers)")
    return not passed


if __name__ == "__main__":
    sys.exit(main())
