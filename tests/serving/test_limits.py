"""Limits that hold while a request is read, on a real server and over bare sockets."""

import base64
import contextlib
import json
import os
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from testing import wait_until

KB = 1 << 10
LIMIT = 200 * KB


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("received")


@pytest.fixture(scope="module")
def network(make_network: Callable[..., tuple[Path, Path]]) -> dict[str, tuple[Path, Path, int]]:
    return {"tiny": (*make_network(5), 64)}


@pytest.fixture(scope="module")
def server(run_server: Any, network: Any, received: Path) -> Iterator[Any]:
    with run_server(
        network,
        max_bytes=LIMIT,
        max_batch_bytes=2 * LIMIT,
        received_dir=received,
        received_keep=1000,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def impatient(run_server: Any, network: Any) -> Iterator[Any]:
    """A server that waits for no sender, and holds little."""
    with run_server(network, max_bytes=LIMIT, max_held_bytes=4 * LIMIT, deadline_s=1.5) as running:
        yield running


def form(data: bytes, filename: str | bytes = b"a.jpg", field: bytes = b"file") -> bytes:
    name = filename.encode() if isinstance(filename, str) else filename
    return (
        b'--x\r\nContent-Disposition: form-data; name="'
        + field
        + b'"; filename="'
        + name
        + b'"\r\n\r\n'
        + data
        + b"\r\n--x--\r\n"
    )


def send(port: int, *parts: bytes, headers: str = "", seconds: float = 20) -> bytes:
    """Send bytes as they are, and return what comes back until the server closes or is done."""
    head = (
        "POST /predict HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\n{headers}\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(head)
            for part in parts:
                connection.sendall(part)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> bytes:
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            answer += chunk
            head, _, body = answer.partition(b"\r\n\r\n")
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:") and len(body) >= int(line[15:]):
                    return answer
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def chunked(data: bytes, size: int = 16 * KB) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        part = data[start : start + size]
        yield b"%x\r\n%s\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


def test_a_form_at_the_limit_is_read_and_one_byte_more_is_not(server: Any) -> None:
    answers = [
        requests.post(f"{server.url}/predict", files={"file": b"\0" * count})
        for count in (LIMIT, LIMIT + 1)
    ]

    assert [answer.status_code for answer in answers] == [400, 413]  # zeros are no picture
    assert answers[1].json()["detail"] == (
        "That is too large: at most 204,800 bytes are taken. Make it smaller."
    )


@pytest.mark.parametrize("times", [2, 7, 50], ids=["2x", "7x", "50x"])
def test_a_body_far_beyond_the_limit_is_refused_unread(server: Any, times: int) -> None:
    body = form(b"\0" * times * LIMIT)

    answer = send(server.port, body, headers=f"Content-Length: {len(body)}\r\n")

    # Beyond 8 times the limit the server hangs up, and its answer may be lost on the way.
    assert status(answer) in ((413,) if times < 8 else (413, 0))


def test_a_client_that_asks_first_is_refused_before_it_sends(server: Any) -> None:
    headers = "Content-Length: 999999999\r\nExpect: 100-continue\r\n"

    answer = send(server.port, headers=headers)

    assert status(answer) == 413


@pytest.mark.parametrize("count", [LIMIT + 100 * KB, 10 * LIMIT], ids=["a-bit", "much"])
def test_a_chunked_body_beyond_the_limit_is_refused_while_it_is_read(
    server: Any, count: int
) -> None:
    chunks = chunked(form(b"\0" * count))

    answer = send(server.port, *chunks, headers="Transfer-Encoding: chunked\r\n")

    assert status(answer) in (413, 0)


def test_a_chunked_picture_within_the_limit_is_answered(server: Any, jpeg: bytes) -> None:
    chunks = chunked(form(jpeg), size=7)

    answer = send(server.port, *chunks, headers="Transfer-Encoding: chunked\r\n")

    assert status(answer) == 200


def test_a_content_length_below_the_truth_never_lets_more_through(server: Any, jpeg: bytes) -> None:
    answer = send(server.port, form(jpeg), headers="Content-Length: 100\r\n")

    assert status(answer) == 400
    # Who notices first: we, or uvicorn (with httptools) that what follows is no request.
    assert b"ends too early" in answer or b"Invalid HTTP request" in answer


@pytest.mark.parametrize("length", ["-5", "1e3", "lots", "9" * 30], ids=str)
def test_a_content_length_that_is_none_is_refused(server: Any, length: str) -> None:
    answer = send(server.port, form(b""), headers=f"Content-Length: {length}\r\n", seconds=5)

    assert status(answer) in (400, 413)


def test_a_form_that_never_ends_is_refused_at_the_deadline(impatient: Any) -> None:
    answer = send(impatient.port, form(b"abc")[:-10], headers="Content-Length: 10000\r\n")

    assert status(answer) == 408
    assert b"not here within 1.5 s" in answer
    assert b"connection: close" in answer.lower()


def test_a_sender_of_single_bytes_is_refused_at_the_deadline(impatient: Any) -> None:
    head = (
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        b"Content-Length: 5000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=10) as connection:
        connection.sendall(head + form(b"")[:60])
        connection.settimeout(0.02)
        answer = b""
        until = time.monotonic() + 20
        while not answer and time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                connection.sendall(b"-")
                answer = connection.recv(65536)

    assert status(answer) == 408


def test_bodies_that_together_hold_too_much_are_refused_and_the_rest_goes_on(
    impatient: Any, jpeg: bytes
) -> None:
    slow = []
    with contextlib.ExitStack() as stack:
        for _ in range(8):  # each stops just before its end: together twice what may be held
            connection = stack.enter_context(
                socket.create_connection(("127.0.0.1", impatient.port), timeout=10)
            )
            connection.sendall(
                b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; "
                b"boundary=x\r\nContent-Length: %d\r\n\r\n" % (LIMIT + 100)
            )
            with contextlib.suppress(OSError):
                connection.sendall(form(b"\0" * LIMIT)[:LIMIT])
            slow.append(connection)
        answers = [status(read_answer(connection)) for connection in slow]
    wait_until(
        lambda: requests.post(f"{impatient.url}/predict", files={"file": jpeg}).ok, "an answer"
    )
    metrics = requests.get(f"{impatient.url}/metrics").text

    assert answers.count(503) >= 4
    assert answers.count(408) >= 3
    assert "detectlab_held_bytes 0.0" in metrics


def test_base64_beyond_the_limit_is_refused(server: Any) -> None:
    answers = [
        requests.post(
            f"{server.url}/predict", json={"image": base64.b64encode(b"\0" * count).decode()}
        )
        for count in (LIMIT, LIMIT + 3, 2 * LIMIT)
    ]

    assert [answer.status_code for answer in answers] == [400, 413, 413]


def test_a_form_of_thousands_of_parts_is_refused_early(server: Any) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
    body = part * 3000 + b"--x--\r\n"

    answer = send(server.port, body, headers=f"Content-Length: {len(body)}\r\n")

    assert status(answer) == 422
    assert b"more than 16 fields" in answer


def test_a_part_with_endless_headers_is_refused(server: Any) -> None:
    body = b"--x\r\n" + b"".join(b"H%d: %s\r\n" % (n, b"v" * 100) for n in range(900))

    answer = send(server.port, body, headers=f"Content-Length: {len(body)}\r\n")

    assert status(answer) == 400


def bomb(width: int, height: int) -> bytes:
    """A PNG of one bit a pixel, all zero, which is small as a file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return len(data).to_bytes(4, "big") + kind + data + checksum.to_bytes(4, "big")

    packer = zlib.compressobj(9)
    row = bytes(1 + width // 8)
    content = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size + b"\x01\x00\x00\x00\x00")
        + chunk(b"IDAT", content)
        + chunk(b"IEND", b"")
    )


def test_a_bomb_is_refused_without_being_unpacked(server: Any) -> None:
    data = bomb(30_000, 30_000)  # 2.7 GB as BGR
    assert len(data) < LIMIT
    requests.post(f"{server.url}/predict", files={"file": b"warm up"})
    before = server.usage.memory_info().rss

    answers = [requests.post(f"{server.url}/predict", files={"file": data}) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [413] * 5
    assert server.usage.memory_info().rss - before < 100 << 20


@pytest.mark.parametrize(
    "filename",
    [
        pytest.param(b"../../x.jpg", id="parent"),
        pytest.param(b"/etc/passwd", id="absolute"),
        pytest.param(b"C:\\\\windows\\\\x.jpg", id="windows"),
        pytest.param(b"con.jpg", id="device"),
        pytest.param(b"a" * 4000 + b".jpg", id="long"),
        pytest.param(b"a\0b.jpg", id="nul"),
        pytest.param("gpj.\u202ea.exe".encode(), id="right-to-left"),
        pytest.param(b'a\\"b;c=d.jpg', id="quotes"),
        pytest.param(b"\xff\xfe.jpg", id="not-utf-8"),
        pytest.param(b"", id="empty"),
        pytest.param(b"%0d%0aX-Evil: 1", id="percent-newline"),
    ],
)
def test_a_senders_file_name_reaches_neither_disk_nor_answer_nor_log(
    server: Any, received: Path, jpeg: bytes, filename: bytes
) -> None:
    before = set(os.listdir(received))
    body = form(jpeg, filename)

    answer = send(server.port, body, headers=f"Content-Length: {len(body)}\r\n")

    assert status(answer) in (200, 400)
    if status(answer) == 200:

        def new() -> list[str]:
            return [Path(name).suffix for name in set(os.listdir(received)) - before]

        wait_until(lambda: new() == [".jpeg"], "the kept picture")
    for name in os.listdir(received):
        assert len(name) < 50
        assert name.endswith(".jpeg")
        assert (received / name).read_bytes().startswith(b"\xff\xd8\xff")
    for trace in (b"passwd", b"con.jpg", b"aaaa", b"windows", b"Evil"):
        assert trace not in answer
        assert trace.decode() not in server.log


def test_a_huge_header_is_refused(server: Any) -> None:
    answer = send(server.port, headers=f"X-Long: {'a' * 200_000}\r\n", seconds=5)

    assert status(answer) in (400, 431, 0)


def test_after_all_that_the_server_is_well(server: Any, jpeg: bytes) -> None:
    answer = requests.post(
        f"{server.url}/predict", files={"file": jpeg}, headers={"Accept": "application/json"}
    )
    metrics = requests.get(f"{server.url}/metrics").text

    assert json.loads(answer.text)["model"] == "tiny"
    assert "detectlab_held_bytes 0.0" in metrics
    assert "detectlab_queue_waiting 0.0" in metrics
    assert "detectlab_internal_errors_total 0.0" in metrics
    assert "Traceback" not in server.log
