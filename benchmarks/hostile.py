"""What pictures made to be expensive do to a server, and to ordinary pictures beside them.

    python benchmarks/hostile.py [--inputs 1000] [--formats JPEG TIFF ...] [--before CHECKOUT]

Two clients send generated inputs to a real `detectlab serve`, while a third sends an ordinary
photograph; rounds without the first two alternate with rounds with them. With `--before`, ordinary
pictures are also sent in turns to this checkout and to another one, and throughputs are compared.
"""

import argparse
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import requests
from hostile_server import JSON, Server, compare, ordinary, served
from machine import ROOT

sys.path.insert(0, str(ROOT / "tests"))
from fuzz.mutations import FORMATS, mutate, seeds

MAX_LATENCY_S, MAX_MEGABYTES, MAX_P99_RATIO = 2.0, 300.0, 2.0
ATTACKERS = 2
ROUNDS = 4


@dataclass
class Tally:
    """What happened to the inputs of one format."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    peak_mb: float = 0.0


def attack(server: Server, format: str, inputs: list[bytes], tally: Tally) -> None:
    """Send inputs from several clients at once."""
    left = iter(inputs)
    lock = threading.Lock()

    def send() -> None:
        with requests.Session() as session:
            while True:
                with lock:
                    data = next(left, None)
                if data is None:
                    return
                post = server.post_form if format == "form" else server.post
                status, seconds = post(session, data)
                with lock:
                    tally.statuses[status] += 1
                    tally.seconds.append(seconds)

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
            time.sleep(0.01)


def watch(server: Server, stopped: threading.Event, tally: Tally) -> None:
    while not stopped.is_set():
        tally.peak_mb = max(tally.peak_mb, server.megabytes())
        time.sleep(0.1)


def measure(server: Server, format: str, count: int) -> Tally:
    """Send so many inputs of a format, in rounds that alternate with rounds without them."""
    rng, sown, tally = random.Random(7), seeds(format), Tally()
    inputs = [mutate(format, rng.choice(sown), rng)[: 9 << 20] for _ in range(count)]
    photo = ordinary("640")
    for number in range(ROUNDS):
        started = time.perf_counter()
        with during(server, photo, tally, tally.beside):
            attack(server, format, inputs[number::ROUNDS], tally)
        with during(server, photo, tally, tally.alone):
            time.sleep(max(1.0, time.perf_counter() - started))
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


def judge(server: Server, formats: list[str], count: int) -> bool:
    """Print a line for each format, and say whether all bars are held."""
    warm_up(server)
    idle = server.megabytes()
    print(f"idle: {idle:.0f} MB\n")
    print("format latest s  MB more  alone p99 ms  beside  ratio  answers")
    is_fine = True
    for format in formats:
        tally = measure(server, format, count)
        alone, beside = p99(tally.alone) * 1000, p99(tally.beside) * 1000
        more = tally.peak_mb - idle
        latest = max(tally.seconds)
        held = latest <= MAX_LATENCY_S and more <= MAX_MEGABYTES and beside <= MAX_P99_RATIO * alone
        is_fine &= held
        line = f"{format:6} {latest:8.2f} {more:8.0f} {alone:13.1f} {beside:7.1f} "
        line += f"{beside / alone:6.2f}  {dict(sorted(tally.statuses.items()))}"
        print(line + ("" if held else "  MISSED"), flush=True)
    return is_fine


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1000, help="of each format")
    parser.add_argument("--formats", nargs="*", default=FORMATS, choices=(*FORMATS, []))
    parser.add_argument("--before", type=Path, help="another checkout, for the throughput")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=5, help="of each turn of the throughput")
    options = parser.parse_args()
    is_fine = True
    if options.formats:
        with served(ROOT) as server:
            is_fine = judge(server, options.formats, options.inputs)
    if options.before:
        is_fine &= compare(options.before, options.repeats, options.seconds)
    print("\nAll bars are held." if is_fine else "\nA bar is missed.")
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
