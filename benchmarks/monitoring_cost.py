"""What watching costs those who wait for an answer, and in memory.

    python benchmarks/monitoring_cost.py [--pairs 3000] [--rounds 5] [--out FILE]
    python benchmarks/monitoring_cost.py --pairs 0 --requests 100000
    python benchmarks/monitoring_cost.py --pairs 0 --observations 100000

Three real servers, two of which watch nothing, are asked for the same pictures in turn, in an order
that chance decides each time; the third compares with a baseline. How far the two differ from each
other is chance, and printed beside. All are started anew in each round, because two processes of
the same program differ by more than the bars. The bars: p50 at most 2 % and p99 at most 3 % above
the two together. With `--requests` both servers get so many small pictures: the
memory of the one that watches may be at most 10 MB above, and grow by at most 1 MB in the second
half. `--observations` gives so many to a monitor in this process, without a server: a shorter test
of the same bars.
"""

import argparse
import json
import os
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import requests
from machine import describe_machine
from prometheus_client import CollectorRegistry
from serve_command import serve

from detectlab import load_detector
from detectlab.monitoring.metrics import MonitoringMetrics
from detectlab.monitoring.monitor import Monitor
from detectlab.serving.observation import Observation
from detectlab.vision.images import thumbnail

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks/results/monitoring_cost.json"
PICTURES = [ROOT / "images" / f"{name}.jpg" for name in ("apples", "oranges", "clock", "car")]
OFF = ("off", "off too")
BARS = {50: 0.02, 99: 0.03}  # by percentile
MAX_MB, MAX_GROWTH_MB = 10.0, 1.0
BASELINE = 150  # pictures; they warm up, too
READINGS = 20
TOKEN = secrets.token_urlsafe(32)
Milliseconds = dict[str, list[float]]


@contextmanager
def served(monitoring: str) -> Iterator[tuple[str, psutil.Process]]:
    """The address of a server with an empty home, and its process."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "DETECTLAB_HOME": home, "DETECTLAB_MODEL": "nano"}
        env |= {"DETECTLAB_MONITORING": monitoring, "DETECTLAB_OPERATOR_TOKEN": TOKEN}
        with serve(env) as server:
            yield server


@contextmanager
def all_served(
    session: requests.Session, pictures: list[bytes], names: tuple[str, ...]
) -> Iterator[dict[str, tuple[str, psutil.Process]]]:
    """Servers by name: `on` watches and has a baseline, the others do not watch."""
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(served("1" if name == "on" else "0")) for name in names
        }
        for number in range(BASELINE):
            for url, _ in servers.values():
                ask(session, url, pictures[number % len(pictures)])
        url, headers = servers["on"][0], {"X-Operator-Token": TOKEN}
        session.post(f"{url}/monitoring/baseline", headers=headers, timeout=60).raise_for_status()
        yield servers


def ask(session: requests.Session, url: str, picture: bytes, accept: str = "image/*") -> float:
    """Milliseconds of a request."""
    started = time.perf_counter()
    files, headers = {"file": picture}, {"Accept": accept}
    answer = session.post(f"{url}/predict", files=files, headers=headers, timeout=120)
    answer.raise_for_status()
    return (time.perf_counter() - started) * 1000


def latencies(pairs: int, seed: int) -> Milliseconds:
    """What each request took, of both servers."""
    pictures, mix = [path.read_bytes() for path in PICTURES], random.Random(seed)
    taken: Milliseconds = {name: [] for name in ("on", *OFF)}
    with requests.Session() as session, all_served(session, pictures, tuple(taken)) as servers:
        for number in range(pairs):
            for name in mix.sample(list(servers), len(servers)):
                picture = pictures[number % len(pictures)]
                taken[name].append(ask(session, servers[name][0], picture))
    return taken


def memory(count: int) -> dict[str, list[float]]:
    """The resident memory of both servers in MB, after equal numbers of requests."""
    small = [cv2.resize(cv2.imread(str(path)), (192, 144)) for path in PICTURES]
    pictures = [cv2.imencode(".jpg", pixels)[1].tobytes() for pixels in small]
    readings: dict[str, list[float]] = {"on": [], "off": []}
    with requests.Session() as session, all_served(session, pictures, tuple(readings)) as servers:
        for number in range(count):
            for url, _ in servers.values():
                ask(session, url, pictures[number % len(pictures)], "application/json")
            if (number + 1) % max(1, count // READINGS) == 0:
                for name, (_, process) in servers.items():
                    readings[name].append(round(process.memory_info().rss / 2**20, 2))
                print(number + 1, {k: v[-1] for k, v in readings.items()}, file=sys.stderr)
    return readings


def memory_of_monitor(count: int) -> dict[str, list[float]]:
    """The resident memory of this process in MB while a monitor counts observations."""
    detector, process = load_detector("nano"), psutil.Process()
    seen = []
    for path in PICTURES:
        pixels = cv2.imread(str(path))
        found, size_wh = detector.detect(pixels), (pixels.shape[1], pixels.shape[0])
        small = thumbnail(pixels)
        seen.append(Observation(0.0, "nano", "stable", found, found.names, size_wh, 10**5, small))
    readings: dict[str, list[float]] = {"on": [], "off": [process.memory_info().rss / 2**20]}
    with tempfile.TemporaryDirectory() as home:
        monitor = Monitor(Path(home), MonitoringMetrics(CollectorRegistry()))
        for number in range(count):
            one = seen[number % len(seen)]
            monitor.observed.append(one if number % 5 == 0 else one._replace(thumbnail=None))
            monitor.drain()
            if number == BASELINE:
                monitor.freeze("nano", BASELINE)
            if (number + 1) % max(1, count // READINGS) == 0:
                readings["on"].append(process.memory_info().rss / 2**20)
    return readings


def changes(
    rounds: list[Milliseconds], percent: int, one: str, others: tuple[str, ...]
) -> list[float]:
    """By which share a percentile of one server is above others': in all rounds, then in each."""

    def percentile(some: list[Milliseconds], names: tuple[str, ...]) -> float:
        taken = [ms for round_ in some for name in names for ms in round_[name]]
        return float(np.percentile(taken, percent))

    parts = (rounds, *([round_] for round_ in rounds))
    return [percentile(part, (one,)) / percentile(part, others) - 1 for part in parts]


def report_latencies(rounds: list[Milliseconds]) -> dict[str, Any]:
    """Print p50 and p99 of all rounds together, and what chance gives; whether the bars are met."""
    result: dict[str, Any] = {"passed": True}
    for percent, bar in BARS.items():
        on = changes(rounds, percent, "on", OFF)
        chance = changes(rounds, percent, OFF[1], OFF[:1])
        is_met = on[0] <= bar
        result["passed"] &= is_met
        result[f"p{percent}"] = {
            name: {"change": round(all_, 4), "rounds": [round(x, 4) for x in each]}
            for name, (all_, *each) in {"on": on, "chance": chance}.items()
        }
        print(
            f"p{percent}: {in_words(on)}; bar {bar:+.0%}, {'met' if is_met else 'MISSED'}; ", end=""
        )
        print(f"two that watch nothing: {in_words(chance)}")
    return result


def in_words(change: list[float]) -> str:
    return f"{change[0]:+.1%} ({min(change[1:]):+.1%} to {max(change[1:]):+.1%} by round)"


def report_memory(readings: dict[str, list[float]], count: int) -> dict[str, Any]:
    """Print how much more memory watching takes, and how much it grows; whether that is allowed."""
    half = len(readings["on"]) // 2
    more = readings["on"][-1] - readings["off"][-1]
    growth = readings["on"][-1] - readings["on"][half - 1]
    is_met = more <= MAX_MB and growth <= MAX_GROWTH_MB
    print(
        f"memory after {count:,}: {more:+.1f} MB (bar {MAX_MB:+.0f} MB), of which "
        f"{growth:+.1f} MB in the second half (bar {MAX_GROWTH_MB:+.0f} MB) "
        f"{'met' if is_met else 'MISSED'}"
    )
    return {"passed": is_met, "requests": count, "mb": readings}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3000, help="in all; 0: no latencies")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=0, help="for memory; 0: not measured")
    parser.add_argument("--observations", type=int, default=0, help="likewise, without a server")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    result = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    now = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": describe_machine()}
    found = []
    if arguments.pairs:
        each = -(-arguments.pairs // arguments.rounds)
        rounds = [latencies(each, seed) for seed in range(arguments.rounds)]
        result["latency"] = {**now, "pairs": each * len(rounds), **report_latencies(rounds)}
        found.append(result["latency"])
    if arguments.requests:
        readings = memory(arguments.requests)
        result["memory"] = {**now, **report_memory(readings, arguments.requests)}
        found.append(result["memory"])
    if arguments.observations:
        readings = memory_of_monitor(arguments.observations)
        result["monitor"] = {**now, **report_memory(readings, arguments.observations)}
        found.append(result["monitor"])
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    return not all(one["passed"] for one in found)


if __name__ == "__main__":
    sys.exit(main())
