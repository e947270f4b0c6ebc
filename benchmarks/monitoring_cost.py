"""What watching costs those who wait for an answer, and in memory.

    python benchmarks/monitoring_cost.py [--pairs 3000] [--rounds 5] [--out FILE]
    python benchmarks/monitoring_cost.py --pairs 0 --requests 100000
    python benchmarks/monitoring_cost.py --pairs 0 --observations 100000

Two real servers, one of which watches nothing, are asked for the same pictures in turn, in an order
that chance decides for each pair; the other one compares with a baseline. Both are started anew in
each round, because two processes of the same program differ by more than the bars. The bars: p50 at
most 2 % and p99 at most 3 % above. With `--requests` both servers get so many small pictures: the
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
from contextlib import contextmanager
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
BARS = {"p50": 0.02, "p99": 0.03}
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
def both_served(
    session: requests.Session, pictures: list[bytes]
) -> Iterator[dict[str, tuple[str, psutil.Process]]]:
    """A server that watches and has a baseline, and one that does not watch."""
    with served("1") as on, served("0") as off:
        for number in range(BASELINE):
            for url, _ in (on, off):
                ask(session, url, pictures[number % len(pictures)])
        headers = {"X-Operator-Token": TOKEN}
        frozen = session.post(f"{on[0]}/monitoring/baseline", headers=headers, timeout=60)
        frozen.raise_for_status()
        yield {"on": on, "off": off}


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
    taken: Milliseconds = {"on": [], "off": []}
    with requests.Session() as session, both_served(session, pictures) as servers:
        for number in range(pairs):
            for name in mix.sample(list(servers), 2):
                picture = pictures[number % len(pictures)]
                taken[name].append(ask(session, servers[name][0], picture))
    return taken


def memory(count: int) -> dict[str, list[float]]:
    """The resident memory of both servers in MB, after equal numbers of requests."""
    small = [cv2.resize(cv2.imread(str(path)), (192, 144)) for path in PICTURES]
    pictures = [cv2.imencode(".jpg", pixels)[1].tobytes() for pixels in small]
    readings: dict[str, list[float]] = {"on": [], "off": []}
    with requests.Session() as session, both_served(session, pictures) as servers:
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


def report_latencies(rounds: list[Milliseconds]) -> dict[str, Any]:
    """Print p50 and p99 of all rounds together, and their spread; whether the bars are met."""
    result: dict[str, Any] = {"passed": True}
    for name, bar in BARS.items():

        def percentile(key: str, some: list[Milliseconds], name: str = name) -> float:
            return float(np.percentile(np.concatenate([r[key] for r in some]), int(name[1:])))

        on, off = percentile("on", rounds), percentile("off", rounds)
        change = on / off - 1
        each = [percentile("on", [one]) / percentile("off", [one]) - 1 for one in rounds]
        result["passed"] &= bool(change <= bar)
        result[name] = {"on_ms": round(on, 3), "off_ms": round(off, 3), "change": round(change, 4)}
        result[name]["rounds"] = [round(one, 4) for one in each]
        verdict = "met" if change <= bar else "MISSED"
        spread = f"{min(each):+.1%} to {max(each):+.1%} by round"
        print(
            f"{name}: {on:.2f} ms on, {off:.2f} off, {change:+.1%} ({spread}; bar {bar:+.0%}) ",
            end="",
        )
        print(verdict)
    return result


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
