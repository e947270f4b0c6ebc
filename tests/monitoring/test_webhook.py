"""The webhook of alarms: signed, tried again, never blocking, and never into a private network."""

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import testing
from starlette.testclient import TestClient

from detectlab.serving.webhook import Webhook

SECRET = "a secret that both sides know"


class Received(list[tuple[dict[str, str], bytes]]):
    """What a server received, and the statuses that it answers with."""

    statuses: list[int]
    url: str


@pytest.fixture
def received() -> Iterator[Received]:
    got = Received()
    got.statuses = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers), body))
            self.send_response(got.statuses.pop(0) if got.statuses else 204)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        got.url = f"http://127.0.0.1:{server.server_port}/hook?to=ops"
        yield got
        server.shutdown()
        thread.join()


def test_event_is_signed_and_tried_again(received: Received) -> None:
    outcomes: list[str] = []
    received.statuses = [500, 302]
    hook = Webhook(received.url, secret=SECRET, retries_s=(0.01, 0.01), on_done=outcomes.append)
    hook.send({"model": "nano"})

    testing.wait_until(lambda: outcomes == ["sent"], "the event")

    assert len(received) == 3
    headers, body = received[-1]
    assert json.loads(body) == {"model": "nano"}
    signed = headers["X-Detectlab-Timestamp"].encode() + b"." + body
    right = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Detectlab-Signature"] == f"sha256={right}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.1.2.3", "169.254.169.254"])
def test_private_address_is_refused_before_a_connection(
    host: str, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: list[str] = []
    Webhook(f"http://{host}:9/", allows_private=False, on_done=outcomes.append).send({})

    testing.wait_until(lambda: outcomes == ["failed"], "the refusal")

    assert "an address of this machine or of a private network" in caplog.text
    assert "DETECTLAB_MONITORING_WEBHOOK_PRIVATE=1 allows it" in caplog.text


def test_alarm_reaches_the_webhook(
    received: Received,
    make_client: Callable[..., TestClient],
    fake: testing.FakeDetector,
    send: Callable[..., None],
) -> None:
    client = make_client(fake, monitoring_webhook=received.url, monitoring_webhook_private=True)
    send(client, 110)
    client.post("/monitoring/baseline")
    send(client, 40, first=300, brightness=40)

    testing.wait_until(lambda: len(received) == 1, "the alarm")

    alarm = json.loads(received[0][1])
    assert alarm["summary"].startswith("fake (stable), since ")
    assert alarm["moved"][0]["histogram"]
    testing.wait_until(
        lambda: 'webhook_total{outcome="sent"} 1.0' in client.get("/metrics").text, "the count"
    )


def test_webhook_that_hangs_blocks_nothing_and_takes_a_bounded_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        outcomes: list[str] = []
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        hook = Webhook(url, on_done=outcomes.append)
        started = time.monotonic()
        for _ in range(20):
            hook.send({"model": "nano"})

        assert time.monotonic() - started < 4, "sending waits for the address"
        assert outcomes == ["failed"] * 12
        assert "8 others wait" in caplog.text
        testing.wait_until(lambda: len(outcomes) == 20, "the time-outs")
    assert "timed out" in caplog.text
