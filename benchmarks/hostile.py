"""What pictures made to be expensive do to a server, and to ordinary pictures beside them.

    python benchmarks/hostile.py [--inputs 1000] [--formats JPEG TIFF ...] [--before CHECKOUT]
        [--out benchmarks/results/hostile.json]

Two clients send generated inputs to a real `detectlab serve`, while a third sends an ordinary
photograph; rounds without the first two alternate with rounds with them. The format `ordinary`
tells what two more clients with that photograph do instead. With `--before`, ordinary
pictures are also sent in turns to this checkout and to another one, and throughputs are compared.
What was measured of a format replaces what `--out` holds of it.
"""

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import requests
from hostile_server import JSON, CheapClient, Server, compare, ordinary, served
from machine import ROOT, describe_machine

from detectlab.settings import Settings

sys.path.insert(0, str(ROOT / "tests"))
from fuzz.mutations import FORMATS, mutate, seeds

MAX_LATENCY_S, MAX_MEGABYTES, MAX_P99_RATIO = 2.0, 300.0, 2.0
MAX_BUSY_S = Settings().deadline_s + 1
ATTACKERS = 2
ROUNDS = 4
PAUSE_S = 0.01  # of every client between an answer and its next request


@dataclass
class Tally:
    """What happened to the inputs of one format."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    busiest_s: float = 0.0

    def figures(self, idle_mb: float) -> dict[str, Any]:
        """What the bars judge."""
        alone, beside = p99(self.alone), p99(self.beside)
        return {
            "inputs": len(self.seconds),
            "latest_s": round(max(self.seconds), 2),
            "busiest_worker_s": round(self.busiest_s, 2),
            "megabytes_more": round(self.peak_mb - idle_mb),
            "alone_p99_ms": round(alone * 1000, 1),
            "beside_p99_ms": round(beside * 1000, 1),
            "p99_ratio": round(beside / alone, 2),
            "ordinary": len(self.beside),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }


def is_held(figures: dict[str, Any]) -> bool:
    return (
        figures["latest_s"] <= MAX_LATENCY_S
        and figures["busiest_worker_s"] <= MAX_BUSY_S
        and figures["megabytes_more"] <= MAX_MEGABYTES
        and figures["p99_ratio"] <= MAX_P99_RATIO
    )


def attack(server: Server, format: str, inputs: list[bytes], tally: Tally) -> None:
    """Send inputs from several clients at once."""
    left = iter(inputs)
    lock = threading.Lock()

    def send() -> None:
        client = CheapClient(server)
        while True:
            with lock:
                data = next(left, None)
            if data is None:
                return
            status, seconds = client.post(data, is_form=format == "form")
            with lock:
                tally.statuses[status] += 1
                tally.seconds.append(seconds)
            time.sleep(PAUSE_S)

    clients = [threading.Thread(target=send) for _ in range(ATTACKERS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


def send_until(server: Server, data: bytes, stopped: threading.Event, into: list[float]) -> None:
    with requests.Session() as session:
        while not stopped.is_set():
            status, seconds = server.post(session, data, **JSON)
            assert status == 200, status
            into.append(seconds)
            time.sleep(PAUSE_S)


def watch(server: Server, stopped: threading.Event, tally: Tally) -> None:
    while not stopped.is_set():
        tally.peak_mb = max(tally.peak_mb, server.megabytes())
        time.sleep(0.02)


def measure(server: Server, format: str, count: int) -> Tally:
    """Send so many inputs of a format, in rounds that alternate with rounds without them."""
    rng, tally, photo = random.Random(7), Tally(), ordinary("640")
    inputs = [photo] * count
    if format != "ordinary":
        sown = seeds(format)
        inputs = [mutate(format, rng.choice(sown), rng)[: 9 << 20] for _ in range(count)]
    for number in range(ROUNDS):
        started = time.perf_counter()
        with during(server, photo, tally, tally.beside):
            attack(server, format, inputs[number::ROUNDS], tally)
        with during(server, photo, tally, tally.alone):
            time.sleep(max(1.0, time.perf_counter() - started))
    tally.busiest_s = server.busiest_s()
    return tally


@contextmanager
def during(server: Server, photo: bytes, tally: Tally, into: list[float]) -> Iterator[None]:
    stopped = threading.Event()
    threads = [
        threading.Thread(target=send_until, args=(server, photo, stopped, into)),
        threading.Thread(target=watch, args=(server, stopped, tally)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def warm_up(server: Server) -> None:
    """Use all workers at once, as a server in use has done."""

    def send(kind: str) -> None:
        with requests.Session() as session:
            for _ in range(5):
                server.post(session, ordinary(kind))

    clients = [threading.Thread(target=send, args=(kind,)) for kind in ("640", "12 MP", "PNG")]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    time.sleep(3)  # the spare process has started


def p99(seconds: list[float]) -> float:
    return float(np.percentile(seconds, 99))


def judge(server: Server, formats: list[str], count: int) -> dict[str, Any]:
    """Print a line for each format, and return its figures."""
    warm_up(server)
    idle = server.megabytes()
    print(f"idle: {idle:.0f} MB\n")
    print("format   latest s  busiest worker s  MB more  alone p99 ms  beside  ratio  answers")
    found = {}
    for format in formats:
        figures = found[format] = measure(server, format, count).figures(idle)
        line = f"{format:8} {figures['latest_s']:8.2f} {figures['busiest_worker_s']:17.2f} "
        line += f"{figures['megabytes_more']:8.0f} {figures['alone_p99_ms']:13.1f} "
        line += f"{figures['beside_p99_ms']:7.1f} {figures['p99_ratio']:6.2f}  "
        line += str(figures["statuses"])
        print(line + ("" if is_held(figures) else "  MISSED"), flush=True)
    return found


def store(file: Path, found: dict[str, Any]) -> None:
    """Write figures over what a file holds of the same formats."""
    formats = json.loads(file.read_text(encoding="utf-8"))["formats"] if file.exists() else {}
    machine = describe_machine()
    formats |= {format: {**figures, "on": machine} for format, figures in found.items()}
    file.write_text(json.dumps({"formats": formats}, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1000, help="of each format")
    parser.add_argument("--formats", nargs="*", default=(*FORMATS, "ordinary"))
    parser.add_argument("--before", type=Path, help="another checkout, for the throughput")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=5, help="of each turn of the throughput")
    options = parser.parse_args()
    is_fine = True
    if options.formats:
        with served(ROOT) as server:
            found = judge(server, options.formats, options.inputs)
        is_fine = all(is_held(figures) for name, figures in found.items() if name != "ordinary")
        if options.out:
            store(options.out, found)
    if options.before:
        is_fine &= compare(options.before, options.repeats, options.seconds)
    print("\nAll bars are held." if is_fine else "\nA bar is missed.")
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
