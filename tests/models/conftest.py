"""A real HTTP server that misbehaves on request, for the tests of downloads."""

import gzip
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

WEB_PAGE = b"<!DOCTYPE html><html><body>This file has moved.</body></html>"


class FileServer(ThreadingHTTPServer):
    """Serves `contents` by name; the first part of the path says how, as in `/stalls/a.weights`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.contents: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.halfway = threading.Event()  # set once `waits` or `stalls` has sent half a file
        self.go_on = threading.Event()  # lets `waits` send the rest

    def folder(self, behaviour: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{behaviour}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that goes away in the middle is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: FileServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.close_connection = True
        _, behaviour, name = self.path.split("/", 2)
        if behaviour.isdigit():
            self.send_error(int(behaviour))
            return
        content = self.server.contents[name]
        half = content[: len(content) // 2]
        behaviours: dict[str, Callable[[], None]] = {
            "good": lambda: self.answer(content),
            "web-page": lambda: self.answer(WEB_PAGE),
            "web-page-with-spaces": lambda: self.answer(b"\xef\xbb\xbf\r\n  " + WEB_PAGE.lower()),
            "wrong": lambda: self.answer(bytes(byte ^ 1 for byte in content)),
            "empty": lambda: self.answer(b""),
            "longer": lambda: self.answer(content + b"more"),
            "truncated": lambda: self.answer(half, {"Content-Length": str(len(content))}),
            "length-too-small": lambda: self.answer(content, {"Content-Length": str(len(half))}),
            "length-too-big": lambda: self.answer(
                content, {"Content-Length": str(len(content) + 100)}
            ),
            "length-in-words": lambda: self.answer(content, {"Content-Length": "many"}),
            "no-length": lambda: self.answer(content, {"Content-Length": None}),
            "half-without-length": lambda: self.answer(half, {"Content-Length": None}),
            "partial": lambda: self.answer(half, status=206),
            "zipped": lambda: self.answer(gzip.compress(content), {"Content-Encoding": "gzip"}),
            "zipped-badly": lambda: self.answer(content, {"Content-Encoding": "gzip"}),
            "redirect": lambda: self.redirect(f"/good/{name}"),
            "redirect-to-web-page": lambda: self.redirect(f"/web-page/{name}"),
            "redirect-in-a-circle": lambda: self.redirect(self.path),
            "chunked": lambda: self.answer_chunked(content, complete=True),
            "chunked-and-dies": lambda: self.answer_chunked(half, complete=False),
            "dies": lambda: self.die_after(half, len(content)),
            "silent": lambda: self.hold_on(),
            "stalls": lambda: self.pause_after(half, b"", len(content)),
            "waits": lambda: self.pause_after(half, content[len(half) :], len(content)),
        }
        behaviours[behaviour]()

    def answer(
        self, body: bytes, headers: dict[str, str | None] | None = None, status: int = 200
    ) -> None:
        fields = {"Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
        self.send_response(status)
        for name, value in fields.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, location: str) -> None:
        self.answer(b"", {"Location": location}, status=302)

    def answer_chunked(self, body: bytes, complete: bool) -> None:
        self.answer(b"", {"Content-Length": None, "Transfer-Encoding": "chunked"})
        for start in range(0, len(body), 1000):
            piece = body[start : start + 1000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if complete:
            self.wfile.write(b"0\r\n\r\n")

    def die_after(self, body: bytes, length: int) -> None:
        self.answer(body, {"Content-Length": str(length)})
        self.wfile.flush()
        # To close with this option resets the connection, as a crashed machine would.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def pause_after(self, first: bytes, rest: bytes, length: int) -> None:
        self.answer(first, {"Content-Length": str(length)})
        self.wfile.flush()
        self.server.halfway.set()
        self.hold_on()
        self.wfile.write(rest)

    def hold_on(self) -> None:
        self.server.go_on.wait(timeout=60)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def file_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A server on 127.0.0.1 whose `folder(behaviour)` is an address to download from."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = FileServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()
