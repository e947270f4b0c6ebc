"""The client against small real servers that answer well, badly or not at all."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from detectlab.client import DetectClient, RequestFailed, RequestRefused, ServerBusy
from detectlab.client import ServerUnreachable as Unreachable

Serve = Callable[..., tuple[str, list[Any]]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that gives every request the same answer, and keeps the requests."""
    servers = []

    def start(status: int, body: bytes, headers: dict[str, str] | None = None) -> Any:
        seen: list[Any] = []

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                seen.append((self.command, self.path, self.headers, self.rfile.read(length)))
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", seen

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_client_predict_sends_the_picture_and_the_parameters(serve: Serve, tmp_path: Path) -> None:
    answer = {"detections": [], "time": 0.1, "model": "nano"}
    url, seen = serve(200, json.dumps(answer).encode())
    (tmp_path / "a.jpg").write_bytes(b"pixels")
    client = DetectClient(url + "/", api_key="secret")
    assert client.predict(tmp_path / "a.jpg", model="nano", confidence=0.2) == answer
    method, path, headers, body = seen[0]
    assert (method, path) == ("POST", "/predict?model=nano&confidence=0.2")
    assert (headers["Accept"], headers["X-API-Key"]) == ("application/json", "secret")
    assert b'name="file"' in body
    assert b"pixels" in body
    assert b"a.jpg" not in body


def test_client_draw_gives_the_bytes_that_came(serve: Serve) -> None:
    url, seen = serve(200, b"\xff\xd8 a picture")
    assert DetectClient(url).draw(b"pixels") == b"\xff\xd8 a picture"
    assert seen[0][1] == "/predict"


def test_client_models_and_version_give_what_the_server_says(serve: Serve) -> None:
    assert DetectClient(serve(200, b'["nano", "yolov3"]')[0]).models() == ["nano", "yolov3"]
    assert DetectClient(serve(200, b'"1.2"')[0]).version() == "1.2"


def test_client_predict_as_json_sends_the_picture_as_base64(serve: Serve) -> None:
    answer = {"detections": [], "time": 0.1, "model": "nano"}
    url, seen = serve(200, json.dumps(answer).encode())
    assert DetectClient(url).predict(b"pixels", "nano", as_json=True) == answer
    _, path, headers, body = seen[0]
    assert (path, headers["Content-Type"]) == ("/predict", "application/json")
    assert json.loads(body) == {"model": "nano", "image": "cGl4ZWxz"}


def test_client_about_gives_title_and_version(serve: Serve) -> None:
    url, _ = serve(200, b'{"info": {"title": "detectlab", "version": "1.2"}, "paths": {}}')
    assert DetectClient(url).about() == {
        "title": "detectlab",
        "version": "1.2",
        "description": "",
    }


def test_client_models_and_classes_ask_where_the_api_tells(serve: Serve) -> None:
    url, seen = serve(200, b'["nano", "yolov3"]')
    DetectClient(url).models(all=True)
    assert seen[0][1] == "/models?all=true"
    assert DetectClient(serve(200, b'{"classes": ["apple"]}')[0]).classes("nano") == ["apple"]


@pytest.mark.parametrize("body", [b"<html>Jupyter</html>", b'{"a": "list is due"}'])
def test_client_with_another_service_at_the_address_says_so(serve: Serve, body: bytes) -> None:
    with pytest.raises(RequestFailed, match=r"answers at .*, but not a detectlab server"):
        DetectClient(serve(200, body)[0]).models()


@pytest.mark.parametrize("url", ["localhost:8000", "http://", "http://a b:x/", "8000"])
def test_client_with_no_address_says_what_one_looks_like(url: str) -> None:
    with pytest.raises(RequestFailed, match="must be a server's address, such as http"):
        DetectClient(url).models()


@pytest.mark.parametrize(
    ("status", "error", "body", "message"),
    [
        (415, RequestRefused, b'{"detail": "This is a PDF."}', r"415 .*: This is a PDF\."),
        (422, RequestRefused, b'{"detail": [{"msg": "too big"}, {"msg": "no"}]}', "too big; no"),
        (503, ServerBusy, b'{"detail": "Busy."}', r"503 .*: Busy\."),
        (504, ServerBusy, b'{"detail": "Too late."}', r"Too late\."),
        (500, RequestFailed, b'{"detail": "internal error"}', "internal error"),
        (404, RequestRefused, b"<html>proxy</html>", "not come from a detectlab server"),
        (404, RequestRefused, b"[1]", "not come from a detectlab server"),
    ],
)
def test_client_errors_of_the_server_become_exceptions(
    serve: Serve, status: int, error: type[RequestFailed], body: bytes, message: str
) -> None:
    url, _ = serve(status, body)
    with pytest.raises(RequestFailed, match=message) as caught:
        DetectClient(url).predict(b"pixels")
    assert type(caught.value) is error
    assert caught.value.status == status


def test_client_told_to_retry_later_says_when(serve: Serve) -> None:
    url, _ = serve(503, b'{"detail": "Busy."}', {"Retry-After": "7"})
    with pytest.raises(ServerBusy, match="Busy") as caught:
        DetectClient(url).models()
    assert caught.value.retry_after_s == 7


def test_client_without_a_server_says_so(serve: Serve) -> None:
    client = DetectClient("http://127.0.0.1:9")  # the discard port: no server listens
    with pytest.raises(Unreachable, match=r"Nothing answers at http://127\.0\.0\.1:9"):
        client.models()
    assert not client.is_alive()
    assert DetectClient(serve(200, b'"HEALTH OK"')[0]).is_alive()


def test_client_with_a_silent_server_gives_up(serve: Serve) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = DetectClient(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        with pytest.raises(Unreachable, match=r"did not answer within 0\.2 s"):
            client.models()
