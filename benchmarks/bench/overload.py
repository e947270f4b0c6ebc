"""More requests than a server can answer: they come at a rate, whatever becomes of the others.

    python -m bench.overload --url http://127.0.0.1:8000/predict --rate 200 PICTURE...

Printed as JSON: right answers a second, and how long answers and refusals took.
"""

import argparse
import json
import selectors
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from .load import STALLED_S, Client, request_bytes

MOST_CONNECTIONS = 1000


def offer(
    url: str, pictures: list[bytes], *, rate: float, seconds: float, accept: str
) -> dict[str, Any]:
    """Send requests at a rate, each on a connection that has nothing under way.

    Args:
        url: Of the route that takes a picture.
        pictures: Files to send.
        rate: Requests a second.
        seconds: For how long.
        accept: What the answers shall be.

    Returns:
        `offered` and `goodput`, both a second; `outcomes`; `ms` by outcome, as p50 and p99.
    """
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 80)
    written = [request_bytes(url, picture, accept) for picture in pictures]
    took: dict[str, list[float]] = {}
    everybody: list[Client] = []
    free: list[Client] = []
    sent, total = 0, round(rate * seconds)
    with selectors.DefaultSelector() as ready:
        begin = now = time.perf_counter()
        while sent < total or ready.get_map():
            while sent < min(total, rate * (now - begin)):
                if not free:
                    everybody.append(Client(address, written, sent))
                    free.append(everybody[-1])
                client = free.pop()
                client.send()
                ready.register(client.socket, selectors.EVENT_READ, client)
                sent += 1
            if len(everybody) > MOST_CONNECTIONS:
                raise SystemExit("the server neither answers nor refuses")
            pause = max(0.0, begin + sent / rate - now) if sent < total else STALLED_S
            for client, outcome in _answers(ready, pause):
                ended = time.perf_counter()
                took.setdefault(outcome, []).append((ended - client.started) * 1000)
                if not outcome.isdecimal() or "connection: close" in client.head:
                    client.reconnect()
                free.append(client)
            now = time.perf_counter()
        whole_s = now - begin
    for client in everybody:
        client.socket.close()
    outcomes = Counter({outcome: len(ms) for outcome, ms in took.items()})
    return {
        "offered": sent / seconds,
        "goodput": outcomes["200"] / whole_s,
        "outcomes": dict(outcomes),
        "ms": {o: np.percentile(ms, (50, 99)).round(1).tolist() for o, ms in took.items()},
    }


def _answers(ready: selectors.BaseSelector, pause: float) -> Iterator[tuple[Client, str]]:
    """The clients whose answers are whole, and how each went."""
    for key, _ in ready.select(pause):
        outcome = key.data.receive()
        if outcome is not None:
            ready.unregister(key.fileobj)
            yield key.data, outcome


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--accept", default="image/jpeg")
    options = parser.parse_args()
    pictures = [path.read_bytes() for path in options.pictures]
    found = offer(
        options.url,
        pictures,
        rate=options.rate,
        seconds=options.seconds,
        accept=options.accept,
    )
    json.dump(found, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
