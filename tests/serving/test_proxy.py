"""The nginx file that ships, run by a real nginx in front of a real server."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from testing import free_ports, wait_until

KEY = "correct horse battery staple"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx (Debian: nginx-light)"),
    pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl for a certificate"),
]


def make_certificate(folder: Path) -> Path:
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            folder / "detectlab.key",
            "-out",
            folder / "detectlab.pem",
        ],
        check=True,
        capture_output=True,
    )
    return folder / "detectlab.pem"


@contextlib.contextmanager
def nginx_running(
    shipped: Path,
    folder: Path,
    upstream: int,
    ports: list[int],
    make_front: Callable[..., Any],
    write_nginx_main: Callable[[Path], Path],
) -> Iterator[Any]:
    plain, secure = ports
    certificate = make_certificate(folder)
    text = shipped.read_text()
    for ours, theirs in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{secure} ssl;"),
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{upstream};"),
        ("/etc/ssl/certs/", f"{folder}/"),
        ("/etc/ssl/private/", f"{folder}/"),
        ("client_header_timeout 10s", "client_header_timeout 1s"),
        ("client_body_timeout 10s", "client_body_timeout 1s"),
    ):
        assert text.count(ours) == 1, ours
        text = text.replace(ours, theirs)
    (folder / "detectlab.conf").write_text(text)
    command = ["nginx", "-e", str(folder / "error.log"), "-c", str(write_nginx_main(folder))]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            front = make_front(secure, plain, certificate)
            wait_until(lambda: listens(secure) or process.poll() is not None, "nginx")
            assert process.poll() is None, (folder / "error.log").read_text()
            yield front
        finally:
            process.terminate()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def shipped(root: Path) -> Path:
    return root / "deploy" / "proxy" / "nginx.conf"


@pytest.fixture(scope="module")
def run_nginx(
    shipped: Path,
    make_front: Callable[..., Any],
    write_nginx_main: Callable[[Path], Path],
) -> Callable[[Path, int], Any]:
    """Runs nginx in front of a port, until the block ends."""

    def run(folder: Path, upstream: int) -> Any:
        return nginx_running(shipped, folder, upstream, free_ports(2), make_front, write_nginx_main)

    return run


@pytest.fixture(scope="module")
def front(
    run_server: Any,
    make_network: Callable[..., tuple[Path, Path]],
    tmp_path_factory: pytest.TempPathFactory,
    run_nginx: Callable[[Path, int], Any],
) -> Iterator[Any]:
    networks = {"tiny": (*make_network(5), 64)}
    with (
        run_server(networks, api_key=KEY) as server,
        run_nginx(tmp_path_factory.mktemp("nginx"), server.port) as running,
    ):
        yield running


def test_a_picture_is_answered_over_tls(front: Any, jpeg: bytes) -> None:
    answer = front.ask(
        "POST",
        "/predict",
        files={"file": jpeg},
        headers={"X-API-Key": KEY, "X-Request-ID": "through-nginx"},
    )

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Model"] == "tiny"
    assert answer.headers["X-Request-ID"] == "through-nginx"
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_without_tls_there_is_only_the_way_to_it(front: Any) -> None:
    answer = requests.post(f"{front.plain_url}/predict?a=b", timeout=10, allow_redirects=False)

    assert answer.status_code == 308
    assert answer.headers["Location"] == "https://127.0.0.1/predict?a=b"


def test_the_key_is_still_needed(front: Any, jpeg: bytes) -> None:
    assert front.ask("POST", "/predict", files={"file": jpeg}).status_code == 401


def test_old_tls_is_refused(front: Any) -> None:
    context = ssl.create_default_context(cafile=str(front.certificate))
    with pytest.warns(DeprecationWarning, match=r"TLSv1_1 is deprecated"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    port = int(front.url.rpartition(":")[2])

    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
        pytest.raises(ssl.SSLError, match=r"(?i)version|protocol"),
    ):
        context.wrap_socket(connection, server_hostname="127.0.0.1")


def test_the_documentation_works_through_nginx(front: Any) -> None:
    for path in ("/docs", "/docs/swagger-ui-bundle.js", "/openapi.json"):
        assert front.ask("GET", path).status_code == 200


def test_metrics_are_not_for_the_world(front: Any) -> None:
    answer = front.ask("GET", "/metrics", headers={"X-API-Key": KEY})

    assert answer.status_code == 404


def test_a_prefix_sent_from_outside_does_not_get_through(front: Any) -> None:
    headers = {"X-Forwarded-Prefix": "/evil", "X-API-Key": KEY}

    answer = front.ask("GET", "/models/", headers=headers)

    assert answer.status_code == 404
    assert "Location" not in answer.headers


def test_a_body_too_large_for_nginx_is_refused_in_the_words_of_the_api(front: Any) -> None:
    answer = front.ask("POST", "/predict", data=b"\0" * (43 << 20))

    assert answer.status_code == 413
    assert answer.json()["detail"].startswith("That is too large")


def test_a_picture_too_large_for_the_server_is_refused_by_it(front: Any) -> None:
    answer = front.ask(
        "POST", "/predict", files={"file": b"\0" * (11 << 20)}, headers={"X-API-Key": KEY}
    )

    assert answer.status_code == 413
    assert "at most 10 MB are taken" in answer.json()["detail"]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow",
        b"POST /predict HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    ],
    ids=["header", "body"],
)
def test_who_sends_too_slowly_is_hung_up_on(front: Any, sent: bytes) -> None:
    context = ssl.create_default_context(cafile=str(front.certificate))
    port = int(front.url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
        context.wrap_socket(connection, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(sent)
        answer = secure.recv(1000)  # ends, though nothing more was sent

    assert answer == b"" or b" 408 " in answer


def test_a_server_that_is_not_there_is_told_with_when_to_come_back(
    run_nginx: Callable[[Path, int], Any], tmp_path: Path
) -> None:
    (nobody,) = free_ports(1)

    with run_nginx(tmp_path, nobody) as front:
        answer = front.ask("GET", "/health")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["detail"] == "The server is not there now. Ask again in a moment."


def test_too_many_requests_of_one_address_are_refused(front: Any) -> None:
    statuses: list[int] = []

    def ask_often() -> None:
        with requests.Session() as session:
            for _ in range(60):
                answer = session.get(
                    f"{front.url}/health", verify=str(front.certificate), timeout=30
                )
                statuses.append(answer.status_code)

    threads = [threading.Thread(target=ask_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(statuses) == {200, 429}
