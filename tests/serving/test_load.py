"""Many clients at once: every answer is right, nothing is lost, nothing is left behind."""

import concurrent.futures
import contextlib
import random
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from testing import wait_until

from detectlab.models.files import is_present, locate

CLIENTS, REQUESTS = 64, 30
JSON = {"Accept": "application/json"}
Case = tuple[str, int, float]  # detector, number of the picture, confidence


@pytest.fixture(scope="module")
def networks(make_network: Callable[..., tuple[Path, Path]]) -> dict[str, tuple[Path, Path, int]]:
    """Four detectors that answer differently: two embedded ones where there is one, two random."""
    first, second = make_network(5, seed=1), make_network(5, seed=2)
    if is_present("nano"):
        nano = locate("nano")
        assert nano.config
        third, sizes = (nano.config, nano.weights), (192, 256)
    else:
        third, sizes = make_network(5, seed=3), (96, 160)
    return {
        "random-64": (*first, 64),
        "random-128": (*second, 128),
        f"third-{sizes[0]}": (*third, sizes[0]),
        f"third-{sizes[1]}": (*third, sizes[1]),
    }


@pytest.fixture(scope="module")
def server(run_server: Any, networks: Any) -> Iterator[Any]:
    with run_server(networks, workers=2, queue_size=CLIENTS, deadline_s=60) as running:
        yield running


@pytest.fixture(scope="module")
def pictures(make_picture: Callable[..., bytes], root: Path) -> list[bytes]:
    kinds = [
        ("JPEG", (640, 480)),
        ("PNG", (320, 240)),
        ("WEBP", (200, 500)),
        ("BMP", (96, 64)),
        ("GIF", (128, 128)),
        ("TIFF", (333, 77)),
        ("PNG", (1, 1)),
    ]
    made = [make_picture(kind, size, seed=n) for n, (kind, size) in enumerate(kinds)]
    return [*made, *((root / "images" / name).read_bytes() for name in ("fruits.jpg", "car.jpg"))]


def ask(session: requests.Session, url: str, case: Case, pictures: list[bytes]) -> Any:
    model, number, confidence = case
    answer = session.post(
        f"{url}/predict",
        params={"model": model, "confidence": str(confidence)},
        files={"file": pictures[number]},
        headers=JSON,
        timeout=120,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == model
    return answer.json()["detections"]


def hang_up(port: int, data: bytes) -> None:
    head = (
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        b"Content-Length: 90000\r\n\r\n--x\r\n"
    )
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head + data[:5000])


def usage(server: Any) -> tuple[int, int, int]:
    process = server.usage
    return process.memory_info().rss, process.num_threads(), process.num_fds()


def test_64_clients_at_once_get_the_answers_of_lone_calls(
    server: Any, networks: Any, pictures: list[bytes]
) -> None:
    cases = [
        (model, number, confidence)
        for model in networks
        for number in range(len(pictures))
        for confidence in (0.3, 0.6)
    ]
    with requests.Session() as session:
        alone = {case: ask(session, server.url, case, pictures) for case in cases}
    assert len({str(found) for found in alone.values()}) > len(cases) // 4  # they can be confused

    def client(seed: int, count: int) -> Counter[str]:
        mix, outcomes = random.Random(seed), Counter[str]()
        with requests.Session() as session:
            for _ in range(count):
                chance = mix.random()
                if chance < 0.05:
                    hang_up(server.port, mix.choice(pictures))
                    outcomes["hung up"] += 1
                elif chance < 0.15:
                    junk = mix.randbytes(2000)
                    answer = session.post(
                        f"{server.url}/predict", files={"file": junk}, timeout=120
                    )
                    outcomes["refused" if answer.status_code == 400 else "wrong"] += 1
                else:
                    case = mix.choice(cases)
                    right = ask(session, server.url, case, pictures) == alone[case]
                    outcomes["right" if right else "wrong"] += 1
        return outcomes

    def crowd(count: int) -> Counter[str]:
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as threads:
            return sum(threads.map(client, range(CLIENTS), [count] * CLIENTS), Counter[str]())

    crowd(5)  # what a process takes once: stacks, arenas, a network for each worker
    rss, threads, files = usage(server)
    outcomes = crowd(REQUESTS)

    assert outcomes["wrong"] == 0
    assert sum(outcomes.values()) == CLIENTS * REQUESTS
    assert min(outcomes[kind] for kind in ("right", "refused", "hung up")) > 50
    wait_until(lambda: usage(server)[2] <= files, "the connections to be closed")
    assert usage(server)[1] <= threads
    assert usage(server)[0] - rss < 50 << 20
    metrics = requests.get(f"{server.url}/metrics", timeout=10).text
    for name in ("queue_waiting", "running", "held_bytes", "internal_errors_total"):
        assert f"detectlab_{name} 0.0" in metrics
    assert "Traceback" not in server.log
