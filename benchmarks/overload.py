"""What the queue does when more is asked than the server can answer, and which bars it passes.

    python benchmarks/overload.py [--seconds 15] [--out benchmarks/results/overload.json]

A real `detectlab serve` with `nano`, asked by one thread with requests that were written
beforehand. 8 clients that each wait for their answer tell the capacity, 64 of them whether such a
crowd is refused. Then requests come at twice the capacity, answered or not: right answers count
as goodput, and the rest should be refused at once.
"""

import argparse
import json
import selectors
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from bench.load import Client, request_bytes
from hostile_server import ordinary, served
from machine import ROOT, describe_machine

CLIENTS, CROWD, OVERLOAD = 8, 64, 2.0
MAX_CROWD_P99_S, MIN_GOODPUT, MAX_REFUSAL_S = 5.0, 0.95, 0.05
WARM_UP_S = 3.0
DONE_S = 30.0


@dataclass(frozen=True)
class Outcome:
    """The end of one request.

    Attributes:
        status: Of the answer, or the kind of failure.
        seconds: From its sending.
        at: When its answer was here, from the begin.
        is_right: Whether it was answered as a request alone is.
    """

    status: str
    seconds: float
    at: float
    is_right: bool


class Load:
    """Requests for one picture, sent by clients that wait, or at a rate.

    Args:
        url: Of the server.
        picture: The file that is sent.
    """

    def __init__(self, url: str, picture: bytes) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._address = host, int(port)
        request = request_bytes(f"{url}/predict", picture)
        self._requests = [request.replace(b"Accept: image/jpeg", b"Accept: application/json", 1)]
        (alone,) = self.closed_loop(1, 0)
        assert alone.status == "200", alone
        self._expected = self._last

    def closed_loop(self, clients: int, seconds: float) -> list[Outcome]:
        """What happens to clients that send again when they are answered, at least once each."""
        outcomes: list[Outcome] = []
        with selectors.DefaultSelector() as ready:
            for _ in range(clients):
                self._send(ready, None)
            begin = time.perf_counter()
            while ready.get_map():
                for client in self._finished(ready, begin, outcomes, DONE_S):
                    if time.perf_counter() < begin + seconds:
                        self._send(ready, client)
                    else:
                        client.socket.close()
        return outcomes

    def open_loop(self, rate: float, seconds: float) -> list[Outcome]:
        """What happens to requests that come at a rate, for so many seconds and until all ended."""
        outcomes: list[Outcome] = []
        idle: list[Client] = []
        sent, total = 0, round(rate * seconds)
        with selectors.DefaultSelector() as ready:
            begin = time.perf_counter()
            while sent < total or ready.get_map():
                due = min(total, int((time.perf_counter() - begin) * rate))
                for _ in range(due - sent):
                    self._send(ready, idle.pop() if idle else None)
                sent = due
                next_s = begin + (sent + 1) / rate - time.perf_counter()
                wait_s = DONE_S if sent == total else max(0.0, next_s)
                idle += self._finished(ready, begin, outcomes, wait_s)
            for client in idle:
                client.socket.close()
        return outcomes

    def _send(self, ready: selectors.BaseSelector, client: Client | None) -> None:
        client = client or Client(self._address, self._requests, 0)
        client.send()
        ready.register(client.socket, selectors.EVENT_READ, client)

    def _finished(
        self,
        ready: selectors.BaseSelector,
        begin: float,
        outcomes: list[Outcome],
        wait_s: float,
    ) -> list[Client]:
        """The clients whose answers are here; at most `wait_s` are waited."""
        finished = []
        for key, _ in ready.select(wait_s):
            client: Client = key.data
            status = client.receive()
            if status is None:
                continue
            now = time.perf_counter()
            ready.unregister(client.socket)
            is_right = status == "200" and self._is_right(client)
            outcomes.append(Outcome(status, now - client.started, now - begin, is_right))
            if not status.isdecimal() or "connection: close" in client.head:
                client.reconnect()
            finished.append(client)
        return finished

    def _is_right(self, client: Client) -> bool:
        self._last = json.loads(client.body)["detections"]
        return bool(self._last == getattr(self, "_expected", self._last))


def measure(seconds: float) -> dict[str, Any]:
    """The figures of a server on this machine."""
    with served(ROOT) as server:
        load = Load(server.url, ordinary("640"))
        load.closed_loop(CLIENTS, WARM_UP_S)
        rates, offered = [], []
        # In turns, so that the machine is the same for both.
        for _ in range(2):
            calm = load.closed_loop(CLIENTS, seconds / 2)
            rates.append(len(calm) / max(outcome.at for outcome in calm))
            crowd = load.closed_loop(CROWD, seconds / 2)
            offered.append(load.open_loop(OVERLOAD * rates[-1], seconds))
        capacity = float(np.mean(rates))
    # The queue is empty at the begin, and is worked off after the end: neither counts.
    steady = [[one for one in turn if seconds / 3 <= one.at < seconds] for turn in offered]
    good = [sum(one.is_right for one in turn) / (seconds * 2 / 3) for turn in steady]
    shares = [rate / own for rate, own in zip(good, rates, strict=True)]
    refused = [one.seconds for turn in offered for one in turn if one.status == "503"]
    answers = [one for turn in offered for one in turn]
    return {
        "capacity_per_s": round(capacity, 1),
        "crowd": {
            "clients": CROWD,
            "answers": len(crowd),
            "right": sum(one.is_right for one in crowd),
            "p99_s": round(float(np.percentile([one.seconds for one in crowd], 99)), 3),
        },
        "overload": {
            "offered_per_s": round(OVERLOAD * capacity, 1),
            "goodput_share": round(float(np.mean(shares)), 3),
            "answered": sum(one.status == "200" for one in answers),
            "right": sum(one.is_right for one in answers),
            "refused": len(refused),
            "others": sum(one.status not in ("200", "503") for one in answers),
            "refused_p50_ms": round(float(np.percentile(refused or [0], 50)) * 1000, 1),
            "refused_p99_ms": round(float(np.percentile(refused or [0], 99)) * 1000, 1),
        },
    }


def bars(found: dict[str, Any]) -> dict[str, bool]:
    """Which bars are held."""
    crowd, over = found["crowd"], found["overload"]
    return {
        "64 clients: all answered and right": crowd["right"] == crowd["answers"],
        "64 clients: p99 below 5 s": crowd["p99_s"] < MAX_CROWD_P99_S,
        "overload: goodput at least 0.95 of the capacity": over["goodput_share"] >= MIN_GOODPUT,
        "overload: the rest refused, p99 within 50 ms": 0
        < over["refused_p99_ms"]
        <= MAX_REFUSAL_S * 1000
        and not over["others"],
        "overload: what is answered is right": over["right"] == over["answered"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="of each of two overloads")
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    machine = describe_machine()
    found = measure(options.seconds)
    print(json.dumps(found, indent=2))
    held = bars(found)
    for name, is_held in held.items():
        print(f"{'held' if is_held else 'MISSED':6} {name}")
    if options.out:
        result = {"machine": machine, **found, "bars": held}
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if all(held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
