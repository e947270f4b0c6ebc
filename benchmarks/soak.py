"""Ten minutes of mixed load on a real server, a line for each second, a verdict at the end.

    python benchmarks/soak.py [--seconds 600] [--clients 16] [--precision fast] [--out FILE]

The clients send pictures in all three forms, batches, counts, garbage, and hang up half-way; every
answer is compared with that of a lone call. The verdict fails on a wrong answer, an error that was
not asked for, growing memory, threads or files, or a `/health` that was slow to answer.
"""

import argparse
import base64
import io
import json
import multiprocessing
import random
import re
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import requests
from hostile_server import served
from machine import ROOT, describe_machine
from PIL import Image

from detectlab.engines import available
from detectlab.models.files import locate

JSON = {"Accept": "application/json"}
NO_ANSWER_S = 10.0
HEALTH_LIMIT_MS = 50.0  # for 99 of 100 of its answers
GROWTH_LIMIT = 1.1  # of memory, from the first tenth after the warm-up to the last


@dataclass
class Tally:
    """What has happened since the last line, and in all."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    fresh_ms: list[float] = field(default_factory=list)
    all_ms: list[float] = field(default_factory=list)
    health_ms: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: str, ms: float) -> None:
        with self.lock:
            self.outcomes[outcome] += 1
            if outcome == "right":
                self.fresh_ms.append(ms)
                self.all_ms.append(ms)

    def take_fresh(self) -> list[float]:
        with self.lock:
            fresh, self.fresh_ms = self.fresh_ms, []
            return fresh


def make_pictures() -> list[bytes]:
    """Coloured blots in several sizes and formats, always the same."""
    rng = np.random.default_rng(42)
    pictures = []
    for kind, size_wh in (
        ("JPEG", (640, 480)),
        ("PNG", (320, 240)),
        ("WEBP", (800, 600)),
        ("JPEG", (1600, 1200)),
        ("BMP", (200, 300)),
        ("PNG", (1, 1)),
    ):
        blots = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(cv2.resize(blots, size_wh)).save(file, kind)
        pictures.append(file.getvalue())
    for path in sorted((ROOT / "images").glob("*.jpg"))[:4]:
        pictures.append(path.read_bytes())
    return pictures


class Client:
    """Sends one request of a random kind after the other."""

    def __init__(self, url: str, pictures: list[bytes], alone: list[Any], seed: int) -> None:
        self.url, self.pictures, self.alone = url, pictures, alone
        self.mix = random.Random(seed)
        self.session = requests.Session()
        self.kinds: list[tuple[int, Callable[[], str]]] = [
            (40, self.send_form),
            (20, self.send_json),
            (10, self.ask_for_a_picture),
            (5, self.send_batch),
            (5, self.count),
            (10, self.send_garbage),
            (5, self.hang_up),
            (5, self.name_no_model),
        ]

    def run(self, tally: Tally, stopped: threading.Event) -> None:
        weights, kinds = zip(*self.kinds, strict=True)
        while not stopped.is_set():
            (kind,) = self.mix.choices(kinds, weights)
            started = time.perf_counter()
            try:
                outcome = kind()
            except (requests.RequestException, OSError, KeyError, ValueError) as error:
                outcome = f"failed: {type(error).__name__}"
            tally.add(outcome, (time.perf_counter() - started) * 1000)

    def post(self, path: str = "/predict", **request: Any) -> requests.Response:
        return self.session.post(self.url + path, timeout=60, **request)

    def pick(self) -> tuple[bytes, Any]:
        number = self.mix.randrange(len(self.pictures))
        return self.pictures[number], self.alone[number]

    def judge(self, answer: requests.Response, right: Callable[[Any], bool]) -> str:
        if answer.status_code != 200:
            return f"status {answer.status_code}"
        return "right" if right(answer) else "wrong"

    def send_form(self) -> str:
        data, alone = self.pick()
        answer = self.post(files={"file": data}, headers=JSON, params={"confidence": 0.3})
        return self.judge(answer, lambda got: got.json()["detections"] == alone)

    def send_json(self) -> str:
        data, alone = self.pick()
        answer = self.post(json={"image": base64.b64encode(data).decode(), "confidence": 0.3})
        return self.judge(answer, lambda got: got.json()["detections"] == alone)

    def ask_for_a_picture(self) -> str:
        data, alone = self.pick()
        answer = self.post(files={"file": data}, params={"confidence": 0.3})
        return self.judge(answer, lambda got: int(got.headers["X-Detections"]) == len(alone))

    def send_batch(self) -> str:
        pairs = [self.pick() for _ in range(3)]
        files = [("files", data) for data, _ in pairs]
        answer = self.post("/predict/batch", files=files, params={"confidence": 0.3})
        wanted = [alone for _, alone in pairs]
        return self.judge(answer, lambda got: [r["detections"] for r in got.json()] == wanted)

    def count(self) -> str:
        data, alone = self.pick()
        answer = self.post("/count-apples/", files={"file": data}, params={"confidence": 0.3})
        number = sum(found["class_name"] == "apple" for found in alone)
        return self.judge(answer, lambda got: got.json()["count"] == number)

    def send_garbage(self) -> str:
        data, _ = self.pick()
        answer = self.post(files={"file": self.mix.randbytes(50) + data[50:]})
        return "refused" if answer.status_code in (400, 415) else f"status {answer.status_code}"

    def name_no_model(self) -> str:
        answer = self.post(files={"file": self.pick()[0]}, params={"model": "yolov99"})
        return "refused" if answer.status_code == 422 else f"status {answer.status_code}"

    def hang_up(self) -> str:
        data, _ = self.pick()
        address = re.sub("^http://", "", self.url).split(":")
        with socket.create_connection((address[0], int(address[1])), timeout=10) as connection:
            connection.sendall(
                b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; "
                b"boundary=x\r\nContent-Length: 99999\r\n\r\n--x\r\n" + data[:9999]
            )
        return "hung up"


def watch_health(url: str, stopped: Any, milliseconds: Any) -> None:
    """Ask `/health` ten times a second; in a process of its own, which no client holds up.

    Each time counts from when it was due: one slow answer makes those behind it late as well, as
    for everybody who asks by the clock. No answer at all counts as ten seconds.
    """
    due = time.perf_counter()
    with requests.Session() as session:
        while not stopped.wait(max(0.0, due - time.perf_counter())):
            try:
                session.get(f"{url}/health", timeout=NO_ANSWER_S).raise_for_status()
                milliseconds.append((time.perf_counter() - due) * 1000)
            except requests.RequestException:
                milliseconds.append(NO_ANSWER_S * 1000)
            due += 0.1


def ask(url: str, data: bytes) -> requests.Response:
    return requests.post(
        f"{url}/predict", files={"file": data}, params={"confidence": 0.3}, headers=JSON, timeout=60
    )


def percentile(values: list[float], percent: float) -> float:
    return round(float(np.percentile(values, percent)), 1) if values else float("nan")


def soak(url: str, server: psutil.Process, seconds: int, clients: int) -> dict[str, Any]:
    """Load the server, print a line a second, and return all that was measured."""
    pictures = make_pictures()
    alone = [ask(url, data).json()["detections"] for data in pictures]
    tally, stopped = Tally(), threading.Event()
    workers = [
        threading.Thread(target=Client(url, pictures, alone, n).run, args=(tally, stopped))
        for n in range(clients)
    ]
    fresh_start = multiprocessing.get_context("spawn")
    with fresh_start.Manager() as manager:
        enough, health_ms = manager.Event(), manager.list()
        watcher = fresh_start.Process(target=watch_health, args=(url, enough, health_ms))
        for worker in (*workers, watcher):
            worker.start()
        usage = watch(server, tally, seconds)
        stopped.set()
        enough.set()
        for worker in (*workers, watcher):
            worker.join()
        tally.health_ms = list(health_ms)
    return summarise(tally, usage, seconds)


def watch(server: psutil.Process, tally: Tally, seconds: int) -> list[tuple[int, int, int]]:
    """Print a line a second; return megabytes, threads and files of each."""
    usage = []
    for second in range(1, seconds + 1):
        time.sleep(1)  # the load itself: nothing is waited for
        fresh = tally.take_fresh()
        usage.append((server.memory_info().rss >> 20, server.num_threads(), server.num_fds()))
        odd = {k: n for k, n in tally.outcomes.items() if k not in ("right", "refused", "hung up")}
        print(
            f"{second:4d} s  {len(fresh):4d}/s  p50 {percentile(fresh, 50):7.1f} ms  "
            f"p99 {percentile(fresh, 99):7.1f} ms  memory {usage[-1][0]:4d} MB  "
            f"threads {usage[-1][1]:3d}  files {usage[-1][2]:3d}  errors {odd or 0}",
            flush=True,
        )
    return usage


def summarise(tally: Tally, usage: list[tuple[int, int, int]], seconds: int) -> dict[str, Any]:
    tenth = max(1, len(usage) // 10)
    early = statistics.median(mb for mb, _, _ in usage[tenth : 2 * tenth])
    late = statistics.median(mb for mb, _, _ in usage[-tenth:])
    odd = {k: n for k, n in tally.outcomes.items() if k not in ("right", "refused", "hung up")}
    health_p99 = percentile(tally.health_ms, 99)
    problems = [f"{n} x {kind}" for kind, n in odd.items()]
    if late > early * GROWTH_LIMIT:
        problems.append(f"memory grew from {early} to {late} MB")
    if usage[-1][1] > usage[tenth][1] + 2:
        problems.append(f"threads grew from {usage[tenth][1]} to {usage[-1][1]}")
    if not health_p99 <= HEALTH_LIMIT_MS:
        problems.append(f"/health took {health_p99} ms (99th percentile)")
    return {
        "verdict": "passed" if not problems else "failed",
        "problems": problems,
        "seconds": seconds,
        "outcomes": dict(tally.outcomes),
        "answers_per_s": round(len(tally.all_ms) / seconds, 1),
        "latency_ms": {f"p{p}": percentile(tally.all_ms, p) for p in (50, 95, 99)},
        "health_ms": {f"p{p}": percentile(tally.health_ms, p) for p in (50, 95, 99, 100)},
        "memory_mb": {"early": early, "late": late, "largest": max(mb for mb, _, _ in usage)},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--precision", choices=("float32", "fast"), default="float32")
    parser.add_argument("--out", type=Path, help="default: soak.json or soak-fast.json in results/")
    options = parser.parse_args()
    name = "soak-fast.json" if options.precision == "fast" else "soak.json"
    out = options.out or ROOT / "benchmarks" / "results" / name
    weights = sha256(locate("nano").weights.read_bytes()).hexdigest()
    machine = {**describe_machine(), "engine": available()[0]}
    with served(ROOT, options.precision) as server:
        runs_in = ask(server.url, make_pictures()[0]).headers["X-Precision"]
        report = soak(server.url, server.process, options.seconds, options.clients)
    machine |= {"precision": runs_in, "weights_sha256": weights}
    report = {**machine, "clients": options.clients, **report}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=2) + "\n")
    print(f"{report['verdict']}: {'; '.join(report['problems']) or 'nothing wrong, nothing lost'}")
    return 0 if report["verdict"] == "passed" else 1


if __name__ == "__main__":
    sys.exit(main())
