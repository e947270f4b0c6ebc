"""What breaks while a real server runs: files, disks, clients, and the server itself."""

import concurrent.futures
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from testing import free_ports, wait_until

from detectlab.vision.images import read_image

JSON = {"Accept": "application/json"}
Network = tuple[Path, Path, int]


@pytest.fixture
def network(make_network: Callable[..., tuple[Path, Path]], tmp_path: Path) -> Network:
    """A network whose files the test may spoil."""
    config, weights = (shutil.copy(file, tmp_path) for file in make_network(5, seed=3))
    return Path(config), Path(weights), 64


@pytest.fixture
def slow(make_network: Callable[..., tuple[Path, Path]]) -> Network:
    """A network that takes a good part of a second for a picture."""
    return (*make_network(5, seed=4), 2048)


@pytest.fixture
def threads() -> Iterator[concurrent.futures.ThreadPoolExecutor]:
    with concurrent.futures.ThreadPoolExecutor(32) as executor:
        yield executor


def predict(server: Any, data: bytes, model: str = "", **options: Any) -> requests.Response:
    query = {"model": model} if model else {}
    return requests.post(
        f"{server.url}/predict",
        params=query,
        files={"file": data},
        **{"headers": JSON, "timeout": 60, **options},
    )


def metric(server: Any, name: str) -> float:
    text = requests.get(f"{server.url}/metrics", timeout=10).text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


@pytest.mark.parametrize("spoil", ["delete", "truncate"])
def test_weights_spoiled_while_serving_never_give_a_wrong_answer(
    run_server: Any,
    network: Network,
    jpeg: bytes,
    spoil: str,
    threads: concurrent.futures.ThreadPoolExecutor,
) -> None:
    weights = network[1]
    with run_server({"tiny": network}, workers=4) as server:
        right = predict(server, jpeg).json()["detections"]
        if spoil == "delete":
            weights.unlink()
        else:
            os.truncate(weights, weights.stat().st_size // 2)

        answers = list(threads.map(lambda _: predict(server, jpeg), range(64)))

    assert [answer.status_code for answer in answers] == [200] * 64
    assert all(answer.json()["detections"] == right for answer in answers)


def test_weights_gone_when_they_are_needed_again_give_503_until_they_are_back(
    run_server: Any,
    network: Network,
    make_network: Any,
    jpeg: bytes,
    tmp_path: Path,
) -> None:
    # The default detector always stays, so it is neither of the two that this is about.
    default, other = ((*make_network(5, seed=seed), 64) for seed in (8, 9))
    config, weights, _ = network
    # Room for one of the two: each asked for drives the other out.
    padding = tmp_path / "padded.weights"
    shutil.copy(weights, padding)
    os.truncate(padding, 512 << 10)  # Darknet reads what it needs and leaves the rest
    networks = {"default": default, "other": other, "tiny": (config, padding, 64)}
    with run_server(networks, workers=1, memory_limit_mb=1, load_retry_s=0.1) as server:
        right = predict(server, jpeg, "tiny").json()["detections"]
        predict(server, jpeg, "other")
        assert requests.get(f"{server.url}/models/tiny", timeout=10).json()["loaded"] is False
        hidden = padding.rename(tmp_path / "hidden")

        gone = predict(server, jpeg, "tiny")
        others = predict(server, jpeg, "other")
        hidden.rename(padding)
        wait_until(lambda: predict(server, jpeg, "tiny").ok, "the detector to be back")

        assert gone.status_code == 503
        assert "`detectlab models pull tiny`" in gone.json()["detail"]
        assert "Retry-After" in gone.headers
        assert str(tmp_path) not in gone.text
        assert others.status_code == 200
        assert predict(server, jpeg, "tiny").json()["detections"] == right


def test_health_answers_while_every_worker_is_busy(
    run_server: Any,
    slow: Network,
    jpeg: bytes,
    threads: concurrent.futures.ThreadPoolExecutor,
) -> None:
    with run_server({"slow": slow}, workers=2, max_wait_s=120) as server:
        busy = [threads.submit(predict, server, jpeg) for _ in range(16)]
        wait_until(lambda: metric(server, "detectlab_queue_waiting") >= 12, "a queue")

        healthy = [requests.get(f"{server.url}/health", timeout=10).json() for _ in range(5)]
        still_busy = sum(not future.done() for future in busy)

        assert healthy == ["HEALTH OK"] * 5
        assert still_busy >= 4  # it did not wait for them
        assert [future.result().status_code for future in busy] == [200] * 16


def test_a_full_queue_answers_503_at_once_and_says_when_to_come_back(
    run_server: Any,
    slow: Network,
    jpeg: bytes,
    threads: concurrent.futures.ThreadPoolExecutor,
) -> None:
    with run_server({"slow": slow}, workers=1, queue_size=3) as server:
        answers = list(threads.map(lambda _: predict(server, jpeg), range(24)))

    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= 4
    for answer in answers:
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) >= 1
            assert "queue is full" in answer.json()["detail"]


def test_a_request_in_the_queue_for_too_long_gets_504(
    run_server: Any,
    slow: Network,
    jpeg: bytes,
    threads: concurrent.futures.ThreadPoolExecutor,
) -> None:
    with run_server({"slow": slow}, workers=1, deadline_s=1) as server:
        answers = list(threads.map(lambda _: predict(server, jpeg), range(24)))

    late = [answer for answer in answers if answer.status_code == 504]
    assert late
    assert {answer.status_code for answer in answers} <= {200, 504}
    assert "no answer within 1 s" in late[0].json()["detail"]


def hang_up(server: Any, data: bytes, send_all: bool = True) -> None:
    """Send a request, or half of one, and go away."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + data
        + b"\r\n--x--\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n"
            % len(body)
            + (body if send_all else body[: len(body) // 2])
        )


def test_clients_that_hang_up_free_their_places(
    run_server: Any,
    slow: Network,
    jpeg: bytes,
    threads: concurrent.futures.ThreadPoolExecutor,
) -> None:
    with run_server({"slow": slow}, workers=1, queue_size=8) as server:
        first = threads.submit(predict, server, jpeg)
        wait_until(lambda: metric(server, "detectlab_running") == 1, "the first to run")
        for number in range(40):  # five times what the queue holds
            hang_up(server, jpeg, send_all=number % 4 != 0)
            wait_until(lambda: metric(server, "detectlab_queue_waiting") <= 4, "free places")
        wait_until(lambda: metric(server, "detectlab_queue_waiting") == 0, "an empty queue")

        assert first.result().status_code == 200
        assert predict(server, jpeg).status_code == 200
        assert metric(server, "detectlab_held_bytes") == 0
        assert "status=499" in server.log
        assert "Traceback" not in server.log


def test_sigterm_finishes_what_runs_and_sends_the_rest_away(
    run_server: Any,
    slow: Network,
    jpeg: bytes,
    tmp_path: Path,
    threads: concurrent.futures.ThreadPoolExecutor,
) -> None:
    with run_server({"slow": slow}, workers=1, received_dir=tmp_path / "in") as server:
        futures = [threads.submit(predict, server, jpeg) for _ in range(10)]
        wait_until(lambda: metric(server, "detectlab_queue_waiting") >= 6, "a queue")

        server.process.send_signal(signal.SIGTERM)
        answers = [future.result() for future in futures]
        server.process.wait(30)

    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 503}
    assert statuses.count(503) >= 5
    sent_away = next(answer for answer in answers if answer.status_code == 503)
    assert "shutting down" in sent_away.json()["detail"]
    assert "Retry-After" in sent_away.headers
    kept = list((tmp_path / "in").iterdir())
    assert len(kept) == statuses.count(200)
    assert all(read_image(path).size for path in kept)  # none is half a file
    assert "Traceback" not in server.log


def test_a_killed_server_leaves_nothing_that_hinders_the_next(
    run_server: Any,
    network: Network,
    make_picture: Any,
    tmp_path: Path,
    threads: concurrent.futures.ThreadPoolExecutor,
) -> None:
    folder = tmp_path / "in"
    picture = make_picture("BMP", (1600, 1200))
    with run_server({"tiny": network}, received_dir=folder) as server:

        def ask_until_killed(_: int) -> None:
            with suppress(requests.RequestException):
                while True:
                    predict(server, picture)

        asking = [threads.submit(ask_until_killed, n) for n in range(4)]
        while not (folder.is_dir() and len(list(folder.iterdir())) > 5):
            time.sleep(0.01)
        server.process.kill()
        concurrent.futures.wait(asking, 60)
    for part in folder.glob(".*.part"):
        os.utime(part, (0, 0))  # as if a minute had passed

    with run_server({"tiny": network}, received_dir=folder) as server:
        assert predict(server, picture).status_code == 200
        server.process.terminate()
        server.process.wait(30)

    kept = list(folder.iterdir())
    assert kept
    assert all(read_image(path).shape == (1200, 1600, 3) for path in kept)  # none is half a file


def test_mirror_down_at_the_first_request_is_told_and_harms_nobody_else(
    jpeg: bytes, tmp_path: Path
) -> None:
    (dead,) = free_ports(1)
    address = f"http://127.0.0.1:{dead}"
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DETECTLAB_")}
    variables = {
        **kept,
        "DETECTLAB_HOME": str(tmp_path / "home"),
        "DETECTLAB_MODEL": "yolo-fastest",
        "DETECTLAB_MIRROR": address,
        # The public places lie behind the same closed port, wherever this runs.
        "HTTP_PROXY": address,
        "HTTPS_PROXY": address,
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, "-m", "detectlab", "serve", "--port=0"]
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[2]
            files = {"file": jpeg}
            first = requests.post(f"{url}/predict", files=files, headers=JSON, timeout=60)
            ready = requests.get(f"{url}/ready", timeout=10)
            alive = requests.get(f"{url}/health", timeout=10)
            other = requests.post(f"{url}/predict?model=nano", files=files, timeout=60)
        finally:
            process.terminate()
            _, log = process.communicate(timeout=60)

    assert first.status_code == ready.status_code == 503
    assert "`detectlab models pull yolo-fastest`" in first.json()["detail"]
    assert address not in first.text
    assert int(first.headers["Retry-After"]) > 0
    assert alive.status_code == other.status_code == 200
    assert address in log
    assert not [path for path in (tmp_path / "home").rglob("*yolo*") if path.is_file()]


def test_the_command_refuses_to_be_open_to_all_without_a_key() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DETECTLAB_")}

    ended = subprocess.run(
        [sys.executable, "-m", "detectlab", "serve", "--host", "0.0.0.0", "--port", "0"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert "without a key" in ended.stderr
    assert "DETECTLAB_API_KEY" in ended.stderr
