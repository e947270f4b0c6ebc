"""What comes of asking real servers: those of ours, and those that misbehave."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from asking import FLOOR, Answer, Offer, Problem, RealServer
from detectlab.client import DetectClient
from detectlab.kernel import ServerHandle
from detectlab.serving.detector_cache import Unavailable

Run = Callable[..., ServerHandle]
Make = Callable[..., bytes]
RESULT = {
    "detections": [
        {"x_min": 1, "y_min": 2, "x_max": 30, "y_max": 40, "class_name": "car", "confidence": 0.25},
        {"x_min": 5, "y_min": 6, "x_max": 70, "y_max": 80, "class_name": "car", "confidence": 0.75},
    ],
    "time": 0.5,
    "model": "other",
}


@pytest.fixture
def misbehave() -> Iterator[Callable[..., RealServer]]:
    """Asks a real HTTP server that gives the prepared answers one after another."""
    servers = []

    def run(*answers: tuple[int, Any, dict[str, str]], timeout_s: float = 10) -> RealServer:
        waiting = list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                status, body, headers = waiting.pop(0)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return RealServer(f"127.0.0.1:{server.server_port}", timeout_s=timeout_s)

    yield run
    for server in servers:
        server.shutdown()
        server.server_close()


def test_look_gives_title_version_and_detectors(run_api: Run) -> None:
    seen = RealServer(run_api().url).look()

    assert isinstance(seen, Offer)
    assert (seen.title, seen.models) == ("detectlab", ("small", "large"))
    assert seen.version
    assert not seen.keeps_pictures


def test_look_says_when_the_server_keeps_pictures(run_api: Run, tmp_path: Path) -> None:
    seen = RealServer(run_api(received_dir=tmp_path).url).look()

    assert isinstance(seen, Offer)
    assert seen.keeps_pictures


def test_look_at_nobody_is_a_problem_with_a_next_step() -> None:
    seen = RealServer("127.0.0.1:9").look()

    assert isinstance(seen, Problem)
    assert "Nothing answers at http://127.0.0.1:9. Is the server running" in seen.text


def test_detect_gives_what_the_server_finds_at_any_confidence(
    run_api: Run, make_picture: Make
) -> None:
    handle = run_api()
    server = RealServer(handle.url)

    answer = server.detect(make_picture(), "large")

    assert isinstance(answer, Answer)
    assert answer.model == "large"
    assert len(answer.detections) > 3
    assert 0 < answer.seconds <= answer.total_s
    # The filter gives what the server itself gives, for thresholds between two confidences.
    confidences = sorted({found["confidence"] for found in answer.detections})
    for low, high in pairwise(confidences):
        if high - low > 0.003:
            threshold = (low + high) / 2
            asked = DetectClient(handle.url).predict(make_picture(), "large", threshold)
            assert answer.above(threshold) == asked["detections"]
    assert all(found["confidence"] >= FLOOR for found in answer.detections)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"%PDF-1.7", r"refused the picture \(415\): This is a PDF", id="pdf"),
        pytest.param(b"hello", r"refused the picture \(400\): This is not a picture", id="text"),
        pytest.param(b"", r"refused the picture \(400\): The file is empty", id="empty"),
    ],
)
def test_detect_in_another_file_gives_the_detail(run_api: Run, data: bytes, message: str) -> None:
    problem = RealServer(run_api().url).detect(data, "small")

    assert isinstance(problem, Problem)
    assert re.search(message, problem.text)
    assert not problem.may_pass


def test_detect_over_the_limit_gives_the_detail(run_api: Run, make_picture: Make) -> None:
    server = RealServer(run_api(max_pixels=100).url)

    problem = server.detect(make_picture(), "small")

    assert isinstance(problem, Problem)
    assert "(413): The picture is 160 x 120 pixels; at most 100 pixels" in problem.text


def test_detect_with_a_missing_detector_says_how_to_get_it(
    run_api: Run, make_picture: Make
) -> None:
    def load(name: str) -> Any:
        raise Unavailable(f"The weights of `{name}` are not here. `detectlab models pull {name}`")

    problem = RealServer(run_api(load=load).url).detect(make_picture(), "large")

    assert isinstance(problem, Problem)
    assert "`detectlab models pull large`" in problem.text
    assert problem.may_pass


def test_detect_without_the_key_says_where_to_type_it(run_api: Run, make_picture: Make) -> None:
    handle = run_api(api_key="correct horse battery")

    problem = RealServer(handle.url).detect(make_picture(), "small")

    assert isinstance(problem, Problem)
    assert "API key" in problem.text
    assert "behind the button Server" in problem.text
    assert isinstance(
        RealServer(handle.url, "correct horse battery").detect(make_picture(), "small"), Answer
    )


def test_detect_asks_a_busy_server_again_when_it_says_so(
    misbehave: Callable[..., RealServer],
) -> None:
    busy = (503, {"detail": "The server is busy."}, {"Retry-After": "0"})

    answer = misbehave(busy, (200, RESULT, {})).detect(b"picture", "other")

    assert isinstance(answer, Answer)
    assert [found["confidence"] for found in answer.detections] == [0.75, 0.25]


@pytest.mark.parametrize("wait_s", [pytest.param("60", id="long"), pytest.param("", id="unsaid")])
def test_detect_does_not_wait_for_long(misbehave: Callable[..., RealServer], wait_s: str) -> None:
    busy = (503, {"detail": "The server is busy."}, {"Retry-After": wait_s})

    problem = misbehave(busy).detect(b"picture", "other")

    assert problem == Problem("The server is busy.")


def test_detect_with_an_error_of_the_server_points_to_its_log(
    misbehave: Callable[..., RealServer],
) -> None:
    broken: Any = (500, {"detail": "internal error, request 12."}, {})

    problem = misbehave(broken).detect(b"picture", "other")

    assert isinstance(problem, Problem)
    assert "an error of its own (500): internal error, request 12. Try again" in problem.text


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"boxes": []}, id="other-names"),
        pytest.param({**RESULT, "detections": [{"x_min": "left"}]}, id="other-values"),
        pytest.param({**RESULT, "detections": 3}, id="no-list"),
        pytest.param(b"<html>", id="web-page"),
    ],
)
def test_detect_with_an_unknown_answer_says_what_to_check(
    misbehave: Callable[..., RealServer], body: Any
) -> None:
    problem = misbehave((200, body, {})).detect(b"picture", "other")

    assert isinstance(problem, Problem)
    assert "Check the address" in problem.text


def test_detect_at_a_silent_server_says_that_it_took_too_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = RealServer(f"127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        problem = server.detect(b"picture", "other")

    assert isinstance(problem, Problem)
    assert "did not answer within 0.2 s. Try again" in problem.text
