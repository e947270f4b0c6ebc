"""Limits of HTTP connections that hold before an app sees a request, for any uvicorn server."""

import asyncio
import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 64 << 10
MAX_HEADERS = 100
HEADER_TIMEOUT_S = 10.0
# uvicorn's options for WebSockets: a message is a frame of a camera, and two may wait.
WEBSOCKET_OPTIONS: dict[str, Any] = {
    "ws": "websockets-sansio",
    "ws_max_size": 1 << 20,
    "ws_max_queue": 2,
    "ws_per_message_deflate": False,
}
_MAX_CONNECTIONS = 1024
# Files that a server opens besides its connections.
_OTHER_FILES = 64


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with limits on headers and on the number of connections.

    Headers (and trailers, and extensions of chunks) have at most `MAX_HEADER_BYTES` bytes and
    `MAX_HEADERS` fields, and arrive within `HEADER_TIMEOUT_S`. When there are as many connections
    as the process may have files, a new one replaces the one that has been idle longest.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit of the first request's headers."""
        self._awaits_headers = True
        self._header_bytes = 0  # since the last part of a body, or the last request
        self._idle_since = time.monotonic()
        self._problem = ""
        self._header_timer: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        self._start_header_timer()
        if len(self.connections) > max_connections():
            known = (one for one in self.connections if isinstance(one, LimitedProtocol))
            idle = (one for one in known if one._is_idle)
            oldest = min(idle, key=lambda one: one._idle_since, default=self)
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time limit."""
        self._stop_header_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, and refuse headers that go beyond their limit meanwhile."""
        if self._problem:
            return  # answered, and closing
        if self._awaits_headers:
            self._start_header_timer()
        self._header_bytes += len(data)
        super().data_received(data)
        if self._header_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            self._problem = "431 Request Header Fields Too Large"
            self.send_400_response("The headers are too large: at most 64 KiB are taken.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header, as `HttpToolsProtocol` does; more than `MAX_HEADERS` end the request."""
        if len(self.headers) >= MAX_HEADERS:
            self._problem = "431 Request Header Fields Too Large"
            raise ValueError("too many headers")  # uvicorn calls send_400_response
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Stop the time limit, and start the request."""
        size = sum(len(name) + len(value) for name, value in self.headers) + len(self.url)
        if size > MAX_HEADER_BYTES:
            self._problem = "431 Request Header Fields Too Large"
            raise ValueError("too large headers")
        self._awaits_headers = False
        self._header_bytes = 0
        self._stop_header_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._header_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the next request."""
        self._awaits_headers = True
        self._header_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Count the connection as idle from now on."""
        self._idle_since = time.monotonic()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that is no HTTP, or beyond a limit, and close the connection."""
        self._stop_header_timer()
        status = self._problem or "400 Bad Request"
        detail = msg if status.startswith(("400", "408")) else "The headers are too large."
        body = f'{{"detail":"{detail}"}}'.encode()
        self._problem = status
        self.transport.write(
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n"
            f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        self.transport.close()

    @property
    def _is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _start_header_timer(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(HEADER_TIMEOUT_S, self._time_out)

    def _stop_header_timer(self) -> None:
        if self._header_timer:
            self._header_timer.cancel()
            self._header_timer = None

    def _time_out(self) -> None:
        self._header_timer = None
        if not self.transport.is_closing() and self._is_idle:
            self._problem = "408 Request Timeout"
            self.send_400_response(f"No headers came within {HEADER_TIMEOUT_S:g} s.")


def max_connections() -> int:
    """How many connections a server keeps: fewer where the process may open fewer files."""
    try:
        import resource
    except ImportError:  # Windows
        return _MAX_CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MAX_CONNECTIONS
    return max(16, min(_MAX_CONNECTIONS, soft - _OTHER_FILES))
