"""Access before the first byte of a body, on a real server and for every documented route."""

import os
import re
import socket
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.testclient import TestClient

from detectlab.detection.detector import NetworkDetector
from detectlab.serving.auth import is_host, is_own_name

KEY = "correct horse battery staple"
OPEN = {"/", "/health", "/ready", "/version", "/describe", "/live"}
MAX_READ = 64 << 10


@pytest.fixture(scope="module")
def network(make_network: Callable[..., tuple[Path, Path]]) -> dict[str, tuple[Path, Path, int]]:
    return {"tiny": (*make_network(5), 64)}


@pytest.fixture(scope="module")
def locked(run_server: Any, network: Any) -> Iterator[Any]:
    with run_server(network, api_key=KEY, deadline_s=1.5) as running:
        yield running


@pytest.fixture(scope="module")
def keyless(run_server: Any, network: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("home")
    with run_server(network, deadline_s=1.5, home=home) as running:
        running.home = home
        yield running


def operations(server: Any, *, with_pictures: bool = True) -> list[tuple[str, str]]:
    """Every method and path of the OpenAPI document that asks for access."""
    document = requests.get(f"{server.url}/openapi.json").json()
    names = {"things": "apples", "name": "tiny"}
    found = [
        (method.upper(), re.sub(r"{(\w+)}", lambda part: names.get(part[1], "x"), path))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path not in OPEN
        and (with_pictures or "multipart/form-data" not in str(operation.get("requestBody")))
    ]
    assert len(found) >= 12
    return found


def send_endlessly(
    port: int, method: str, path: str, headers: str = "", *, piece: int = 0x4000
) -> tuple[int, int]:
    """Send a chunked body until there is an answer: its status, and how much was sent."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"{headers}Transfer-Encoding: chunked\r\n\r\n"
    )
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode())
        connection.settimeout(0.05)
        while sent < 200 * MAX_READ:
            try:
                answer = connection.recv(4096)
                return int(answer.split(b" ", 2)[1]), sent
            except TimeoutError:
                connection.settimeout(20)
                connection.sendall(b"%x\r\n" % piece + b" " * piece + b"\r\n")
                connection.settimeout(0.05)
                sent += piece
    raise AssertionError("no answer")


def test_every_route_asks_for_the_key_before_it_reads_a_body(locked: Any) -> None:
    for method, path in operations(locked):
        status, sent = send_endlessly(locked.port, method, path)

        assert status == 401, (method, path)
        assert sent <= MAX_READ, (method, path)


def test_every_route_refuses_a_foreign_page_before_it_reads_a_body(keyless: Any) -> None:
    for method, path in operations(keyless):
        status, sent = send_endlessly(
            keyless.port, method, path, "Origin: https://evil.example\r\n"
        )

        assert status == 403, (method, path)
        assert sent <= MAX_READ, (method, path)


def test_every_route_bounds_what_it_reads(locked: Any) -> None:
    # Those with pictures: test_limits.py
    for method, path in operations(locked, with_pictures=False):
        status, sent = send_endlessly(
            locked.port, method, path, f"X-API-Key: {KEY}\r\n", piece=0x10000
        )

        assert status == 413, (method, path)
        assert sent <= (256 << 10) + 2 * MAX_READ, (method, path)


def send_a_byte(port: int, method: str, path: str) -> bytes:
    """Begin a body that never ends: the answer."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: 100\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n-"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_body_that_never_ends_is_cut_off_at_the_deadline_by_every_route(locked: Any) -> None:
    sending = operations(locked)
    with ThreadPoolExecutor(len(sending)) as clients:
        answers = clients.map(lambda operation: send_a_byte(locked.port, *operation), sending)

    for operation, answer in zip(sending, answers, strict=True):
        assert b" 408 " in answer, (operation, answer)
        assert b"not here within 1.5 s" in answer


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "LOCALHOST.evil.example"],
)
def test_without_a_key_a_rebound_name_is_not_served(keyless: Any, host: str) -> None:
    answer = requests.get(f"{keyless.url}/models", headers={"Host": host})

    assert answer.status_code == 403
    assert "DETECTLAB_ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8000", "api:8000", "[::1]:80", "192.0.2.7"]
)
def test_without_a_key_own_names_and_addresses_are_served(keyless: Any, host: str) -> None:
    assert requests.get(f"{keyless.url}/models", headers={"Host": host}).ok


def test_a_name_that_was_allowed_is_served(
    make_client: Callable[..., TestClient], tiny: NetworkDetector
) -> None:
    client = make_client(tiny, allowed_hosts=("lab.example",))

    assert client.get("/models", headers={"Host": "lab.example:8000"}).status_code == 200
    assert client.get("/models", headers={"Host": "other.example"}).status_code == 403


def test_jupyterhub_shows_a_keyless_server_under_its_own_name(
    make_client: Callable[..., TestClient], tiny: NetworkDetector, monkeypatch: Any
) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    client = make_client(tiny)
    hub = {"Host": "hub.example", "Origin": "https://hub.example"}
    proxied = {**hub, "X-Forwarded-Prefix": "/user/ada/proxy/8000"}

    assert client.get("/models", headers=proxied).status_code == 200
    assert client.get("/models", headers=hub).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(b"Host: [\r\n", id="open-bracket"),
        pytest.param(b"Host: evil.example@127.0.0.1\r\n", id="user-part"),
        pytest.param(b"Host: a\r\nHost: b\r\n", id="two-hosts"),
        pytest.param(b"Host: a/b\r\n", id="path"),
    ],
)
def test_a_host_that_is_none_is_refused_everywhere(keyless: Any, headers: bytes) -> None:
    for path in (b"/health", b"/models", b"/rollout"):
        with socket.create_connection(("127.0.0.1", keyless.port), timeout=20) as connection:
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\n" + headers + b"\r\n")
            answer = connection.recv(65536)

        assert b" 400 " in answer
    assert "Traceback" not in keyless.log


@pytest.mark.parametrize("origin", ["http://[", "null", "https://", "http://a@127.0.0.1", "x"])
def test_an_origin_that_is_none_is_refused(keyless: Any, origin: str) -> None:
    answer = requests.post(f"{keyless.url}/predict", headers={"Origin": origin}, data=b"x")

    assert answer.status_code == 403
    assert "Traceback" not in keyless.log


def test_a_content_length_of_thousands_of_digits_is_no_error_of_ours(keyless: Any) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    with socket.create_connection(("127.0.0.1", keyless.port), timeout=20) as connection:
        connection.sendall(head + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n")
        answer = connection.recv(65536)

    assert answer.split(b" ")[1] in (b"400", b"413")
    assert "Traceback" not in keyless.log


def test_every_answer_tells_browsers_to_be_careful(keyless: Any) -> None:
    for path in (
        "/",
        "/docs",
        "/docs/start.js",
        "/openapi.json",
        "/models",
        "/nothing",
        "/rollout",
    ):
        headers = requests.get(f"{keyless.url}{path}").headers

        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_the_operators_token_is_for_the_servers_user_only(keyless: Any) -> None:
    file = keyless.home / "operator-token"
    refused = requests.get(f"{keyless.url}/rollout")
    token = file.read_text()

    assert refused.status_code == 403
    assert token not in refused.text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert requests.get(f"{keyless.url}/rollout", headers={"X-Operator-Token": token}).ok
    assert token not in keyless.log


def test_the_operators_token_is_there_before_the_first_request(
    run_server: Any, network: Any, tmp_path: Path
) -> None:
    # A client of the same user reads the file when it is made.
    with run_server(network, home=tmp_path):
        assert (tmp_path / "operator-token").read_text()


def test_a_host_has_one_form() -> None:
    assert all(map(is_host, ("", "a", "a.b:80", "127.0.0.1", "[::1]", "[::1]:8000")))
    assert not any(map(is_host, ("a b", "a@b", "[", "a:b", "[::1", "a:123456", "a\n", "/", "ä")))


def test_own_names_are_addresses_names_without_a_dot_and_what_was_allowed() -> None:
    own = ("localhost", "api:8000", "10.0.0.1", "[fe80::1]:8000", "lab.example:443")
    assert all(is_own_name(host, ("lab.example",)) for host in own)
    assert not any(
        is_own_name(host, ("lab.example",)) for host in ("evil.example", "1.2.3.4.nip.io", "a.b.")
    )
