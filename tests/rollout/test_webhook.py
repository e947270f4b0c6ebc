"""The webhook: each change of the plan arrives as JSON, and one that cannot is logged."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from starlette.testclient import TestClient
from testing import free_ports, wait_until

from detectlab.serving.webhook import Webhook


@pytest.fixture
def received() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a real server, and the events that it received."""
    events: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", events
        server.shutdown()
        thread.join()


def test_change_of_the_plan_is_sent(
    make_client: Callable[..., TestClient],
    received: tuple[str, list[dict[str, Any]]],
) -> None:
    url, events = received
    client = make_client(rollout_webhook=url)
    plan = {
        "mode": "canary",
        "stable": {"model": "nano"},
        "candidate": {"model": "nano", "input_size": 256},
    }
    client.put("/rollout", json=plan, headers={"If-Match": '"0"'}, params={"why": "a try"})
    client.post("/rollout/rollback")
    wait_until(lambda: len(events) == 2, "the events")

    first, second = sorted(events, key=lambda event: int(event["revision"]))
    assert (first["action"], first["why"], first["from"]) == ("put", "a try", "nano answers")
    assert (second["action"], second["to"]) == ("rollback", "nano answers")


def test_webhook_that_nothing_answers_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    (port,) = free_ports(1)
    Webhook(f"http://127.0.0.1:{port}").send({"revision": 1})

    wait_until(lambda: "The webhook could not be sent" in caplog.text, "the log")


def test_webhook_takes_web_addresses_only() -> None:
    with pytest.raises(ValueError, match=r"must be an http or https address\. Received: 'file:"):
        Webhook("file:///etc/passwd")
