"""The request log: an id and one log line for each request."""

import json
import logging
import re
import time
import uuid
from collections.abc import Callable

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("detectlab.requests")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# As in nginx: the client disconnected before it was answered. Never sent.
_CLIENT_GONE = 499


class RequestLog:
    """ASGI middleware: gives each request an id, logs it, and hides the details of errors.

    A client may send its own id as `X-Request-ID` (1 to 64 letters, digits, dots, dashes); it comes
    back in the answer. What a route writes into `request.state.model` is logged.

    Args:
        app: The app inside.
        on_request: Called after each with the route's template, the status and the seconds.
    """

    def __init__(
        self, app: ASGIApp, on_request: Callable[[str, int, float], None] = lambda *_: None
    ) -> None:
        self._app = app
        self._on_request = on_request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one connection on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = _Record(scope, receive, send)
        try:
            await self._app(scope, record.receive, record.send)
        except ClientDisconnect:
            record.status = record.status or _CLIENT_GONE
        except Exception:
            logger.exception("Internal error in request %s", record.request_id)
            if not record.status:
                await record.send_internal_error()
        finally:
            seconds = time.perf_counter() - record.started
            route = getattr(scope.get("route"), "path", "other")
            status = record.status or _CLIENT_GONE
            self._on_request(route, status, seconds)
            _write_line(record, route, status, seconds)


class _Record:
    """What is recorded of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.started = time.perf_counter()
        self.status = 0
        self.bytes_in = self.bytes_out = 0
        self._receive, self._send = receive, send
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        self.request_id = given.decode() if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = self.request_id

    async def receive(self) -> Message:
        message = await self._receive()
        self.bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", []), (b"x-request-id", self.request_id.encode())]
            message = {**message, "headers": headers}
        else:
            self.bytes_out += len(message.get("body", b""))
        await self._send(message)

    async def send_internal_error(self) -> None:
        detail = f"Internal error. The server's log tells more under the id {self.request_id}."
        await JSONResponse({"detail": detail}, 500)(self.scope, self._receive, self.send)


def _write_line(record: _Record, route: str, status: int, seconds: float) -> None:
    facts = {
        "request_id": record.request_id,
        "method": record.scope["method"],
        "route": route,
        "model": record.scope["state"].get("model", "-"),
        "status": status,
        "ms": round(seconds * 1000, 1),
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
    }
    text = " ".join(f"{name}={value}" for name, value in facts.items())
    logger.info("%s", text, extra={"facts": facts})


class JsonFormatter(logging.Formatter):
    """Each log line as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for a record; a request's holds one field for each fact."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
        }
        facts = getattr(record, "facts", None)
        line |= facts if facts else {"message": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure(log_json: bool = False) -> None:
    """Send detectlab's log lines to standard error; commands call this.

    Args:
        log_json: Whether each line is a JSON object.
    """
    handler = logging.StreamHandler()
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonFormatter() if log_json else plain)
    ours = logging.getLogger("detectlab")
    ours.handlers = [handler]
    ours.setLevel(logging.INFO)
    ours.propagate = False
