"""Limits on headers and connections, on a real server and over bare sockets."""

import contextlib
import resource
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from detectlab.kernel import http_limits, start

pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux")


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers each request with its number of headers."""
    if scope["type"] == "http":
        while (message := await receive()).get("more_body"):
            pass
        del message
        body = str(len(scope["headers"])).encode()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", str(len(body)).encode())],
            }
        )
        await send({"type": "http.response.body", "body": body})
        return
    for kind in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{kind}.complete"})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(http_limits, "HEADER_TIMEOUT_S", 0.5)
    with start(app) as server:
        yield server.port


def ask(port: int, *parts: bytes, seconds: float = 20) -> bytes:
    """Send bytes as they are, and return all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                connection.sendall(part)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := connection.recv(65536):
                answer += chunk
        return answer


HEAD = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


def test_headers_within_the_limits_are_taken(port: int) -> None:
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 600) for number in range(97))

    assert ask(port, HEAD + fields + b"\r\n").endswith(b"99")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([b"X-Long: ", *[b"a" * 10_000] * 200], id="one-without-end"),
        pytest.param([b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n"], id="one-too-long"),
        pytest.param([b"X: a\r\n"] * 101 + [b"\r\n"], id="too-many"),
        pytest.param([b"X: a\r\n" * 1000] * 100, id="without-end"),
    ],
)
def test_headers_beyond_a_limit_are_refused_while_they_come(port: int, fields: list[bytes]) -> None:
    answer = ask(port, HEAD, *fields)

    assert answer.startswith(b"HTTP/1.1 431 ") or not answer  # lost when we were still sending
    assert ask(port, HEAD + b"\r\n").endswith(b"2")  # the server is well


def test_trailers_without_end_are_refused(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"

    answer = ask(port, head, b"X-Trailer: ", *[b"a" * 10_000] * 200)

    assert b" 200 " not in answer


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_headers_that_do_not_come_are_waited_for_no_longer_than_their_time(
    port: int, sent: bytes
) -> None:
    answer = ask(port, sent)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"No headers came within 0.5 s." in answer


def test_what_is_no_http_is_refused_in_json(port: int) -> None:
    answer = ask(port, b"\x16\x03\x01 hello\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b'{"detail":"Invalid HTTP request received."}')


def test_a_body_may_be_long_and_slow(port: int) -> None:
    parts = [b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n"]

    assert ask(port, *parts, *[b"a" * 100_000] * 10).startswith(b"HTTP/1.1 200 ")


def test_a_connection_is_used_for_many_requests(port: int) -> None:
    with requests.Session() as session:
        answers = {session.get(f"http://127.0.0.1:{port}/").status_code for _ in range(300)}

    assert answers == {200}


def test_idle_connections_make_room_for_those_that_ask(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_limits, "HEADER_TIMEOUT_S", 60.0)
    monkeypatch.setattr(http_limits, "max_connections", lambda: 8)
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))

        for _ in range(20):
            assert requests.get(f"http://127.0.0.1:{port}/", timeout=20).ok


def test_there_are_fewer_connections_than_files() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))

        assert http_limits.max_connections() == 192
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
