"""The clients of a benchmark, in a process of their own, cheap enough to stand beside the server.

    python benchmarks/bench/load.py --url http://127.0.0.1:8000/predict --clients 8 PICTURE...

Each client has a connection that it keeps, and sends the next picture when the answer to the last
one is here. One thread serves them all with requests that were written beforehand: on a machine
with two cores an ordinary HTTP library would take a tenth of what it is to measure. What it found
is printed as JSON, with the processor time that it took itself.
"""

import argparse
import json
import re
import resource
import selectors
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

BOUNDARY = "a-boundary-that-no-picture-holds"
STALLED_S = 20.0
# A server that sends line by line would wake us for each; so we let some lines gather.
PAUSE_S = 0.0005
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def request_bytes(url: str, picture: bytes, accept: str = "image/jpeg") -> bytes:
    """A whole request with a picture as the field `file` of a form.

    Args:
        url: Of the route that takes a picture.
        picture: Its file.
        accept: What the answer shall be.
    """
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    body = (
        (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        ).encode()
        + picture
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: {accept}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Client:
    """One connection, and what is under way on it."""

    def __init__(self, address: tuple[str, int], requests: list[bytes], first: int) -> None:
        self._address, self._requests, self._next = address, requests, first
        self.socket = self._connect()

    def send(self) -> None:
        """Send the next picture."""
        self._answer = bytearray()
        self._ends_at: int | None = None
        self.started = time.perf_counter()
        self.socket.sendall(self._requests[self._next % len(self._requests)])
        self._next += 1

    def receive(self) -> str | None:
        """Take what has come; once the answer is whole, its status or what went wrong."""
        try:
            chunk = self.socket.recv(1 << 20)
        except OSError as error:
            return type(error).__name__
        if not chunk:
            return "closed"
        answer = self._answer
        answer += chunk
        if self._ends_at is None:
            head_end = answer.find(b"\r\n\r\n")
            if head_end < 0:
                return None
            length = _LENGTH.search(answer, 0, head_end + 2)
            self._ends_at = head_end + 4 + int(length[1]) if length else 0
        # Without a length the answer comes in chunks, of which the last one is empty. (A line of a
        # picture may end with "0", too; then there is no line's end before it.)
        ends = answer.endswith(b"\r\n0\r\n\r\n")
        whole = len(answer) >= self._ends_at if self._ends_at else ends
        return answer[9:12].decode() if whole else None

    @property
    def head(self) -> str:
        """The answer's header."""
        return self._answer.partition(b"\r\n\r\n")[0].decode("latin-1").lower()

    @property
    def body(self) -> bytes:
        """What follows the answer's header."""
        return bytes(self._answer.partition(b"\r\n\r\n")[2])

    def reconnect(self) -> None:
        """A fresh connection in place of one that the server has closed."""
        self.socket.close()
        self.socket = self._connect()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, timeout=STALLED_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def drive(
    url: str,
    pictures: list[bytes],
    clients: int = 1,
    seconds: float = 4.0,
    warm_up_s: float = 0.0,
    requests: int | None = None,
    accept: str = "image/jpeg",
) -> dict[str, Any]:
    """Send pictures for `warm_up_s`, which is not counted, and then for `seconds` or longer.

    Args:
        url: Of the route that takes a picture.
        pictures: Files to send.
        clients: How many at once.
        seconds: For how long, unless `requests` says otherwise.
        warm_up_s: Answers within so many seconds from the start are dropped.
        requests: How many answers to wait for, however long that takes.
        accept: What the answers shall be.

    Returns:
        `ms` of each answer with status 200, `seconds` that were counted, `outcomes` by status or
        kind of failure, `cpu_ms`, processor time that one request took here, `answers` in all,
        with those that were dropped but not those that came after the end, and `last_head`, the
        header of the last one.
    """
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 80)
    written = [request_bytes(url, picture, accept) for picture in pictures]
    ms: list[float] = []
    outcomes: Counter[str] = Counter()
    sent, last_head = 0, ""
    cpu_before = _cpu_s()
    with selectors.DefaultSelector() as ready:
        everybody = [Client(address, written, number) for number in range(clients)]
        for client in everybody:
            ready.register(client.socket, selectors.EVENT_READ, client)
            client.send()
        begin = now = time.perf_counter() + warm_up_s
        end = begin + seconds
        # However slow the server is, as many answers as clients are waited for.
        while sent < requests if requests else now < end or outcomes.total() < clients:
            events = ready.select(STALLED_S)
            if not events:
                outcomes["no answer"] += 1
                break
            in_pieces = False
            for key, _ in events:
                client = key.data
                outcome = client.receive()
                if outcome is None:
                    in_pieces = True
                    continue
                now = time.perf_counter()
                sent += 1
                last_head = client.head
                if now >= begin:
                    outcomes[outcome] += 1
                    if outcome == "200":
                        ms.append((now - client.started) * 1000)
                if not outcome.isdecimal():
                    ready.unregister(client.socket)
                    client.reconnect()
                    ready.register(client.socket, selectors.EVENT_READ, client)
                client.send()
            if in_pieces:
                time.sleep(PAUSE_S)
        cpu_ms = (_cpu_s() - cpu_before) * 1000 / max(1, sent)
        _wait_for_the_rest(ready)
        for client in everybody:
            client.socket.close()
    return {
        "ms": ms,
        "seconds": now - begin,
        "outcomes": dict(outcomes),
        "cpu_ms": cpu_ms,
        "answers": sent,
        "last_head": last_head,
    }


def _wait_for_the_rest(ready: selectors.BaseSelector) -> None:
    """Read the remaining answers: requests still running would slow the next measurement."""
    while ready.get_map():
        events = ready.select(STALLED_S)
        if not events:
            return
        for key, _ in events:
            if key.data.receive() is not None:
                ready.unregister(key.fileobj)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--url", required=True)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--requests", type=int, help="as many, instead of so many seconds")
    parser.add_argument("--accept", default="image/jpeg")
    options = parser.parse_args()
    pictures = [path.read_bytes() for path in options.pictures]
    found = drive(
        options.url,
        pictures,
        options.clients,
        options.seconds,
        options.warm_up,
        options.requests,
        options.accept,
    )
    json.dump(found, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
