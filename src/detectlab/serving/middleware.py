"""What every request passes: an id and a log line, then access and the limits of its body."""

import logging
import os
import re
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Literal

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from detectlab.kernel.forwarded_prefix import apply_prefix
from detectlab.serving.auth import Access, is_host
from detectlab.serving.deadline import Deadline
from detectlab.serving.errors import Refusal
from detectlab.serving.html_pages import asks_for_page
from detectlab.serving.metrics import Metrics
from detectlab.serving.sign_in import sign_in_address
from detectlab.serving.uploads import Intake, read_body

Level = Literal["open", "client", "operator"]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

logger = logging.getLogger("detectlab.requests")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# What a browser is told about every answer: no page may frame it, guess its type, or pass its
# address on.
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_FRAMING = (b"content-security-policy", b"frame-ancestors 'none'")
# The largest body of a route that takes no pictures.
MAX_BODY_BYTES = 256 << 10
# As in nginx: the client disconnected before it was answered. Never sent.
_CLIENT_GONE = 499


class RequestLog:
    """ASGI middleware: gives each request an id, logs it, and hides the details of errors.

    A client may send its own id as `X-Request-ID` (1 to 64 letters, digits, dots, dashes); it comes
    back in the answer. `model` and `bytes_in` of `request.state` are logged. A request whose
    `Host` cannot be one is refused, and the prefix of a proxy is applied.

    Args:
        app: The app inside.
        metrics: Counts requests.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._ids = _random_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one connection on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = _Record(scope, send, self._ids.__next__)
        try:
            if record.has_bad_host:
                await record.answer(receive, 400, "Send one `Host`, such as localhost:8000.")
            else:
                await self._app(record.scope, receive, record.send)
        except ClientDisconnect:
            record.status = record.status or _CLIENT_GONE
        except Exception:
            logger.exception("Internal error in request %s", record.request_id)
            if not record.status:
                detail = "Internal error. The server's log tells more under the id "
                await record.answer(receive, 500, f"{detail}{record.request_id}.")
        finally:
            seconds = time.perf_counter() - record.started
            route = getattr(record.scope.get("route"), "path", "other")
            status = record.status or _CLIENT_GONE
            self._count(route, status, seconds)
            _write_line(record, route, status, seconds)

    def _count(self, route: str, status: int, seconds: float) -> None:
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        if status == 500:
            self._metrics.errors.inc()


def check_origin(access: Access, request: HTTPConnection) -> None:
    """Refuse a request of a foreign page, or by a foreign name, where there is no key.

    Args:
        access: Knows which hosts and pages are served.
        request: The request, or a WebSocket's.

    Raises:
        Refusal: 403.
    """
    host, origin = request.headers.get("host", ""), request.headers.get("origin", "")
    problem = access.origin_problem(host, origin, request.scope.get("root_path", ""))
    if problem:
        raise Refusal(403, problem)


class RouteGuard:
    """Checks access to a route before the first byte of a body, then bounds the body.

    Args:
        level: The clients that the route is for.
        access: Knows them.
        intake: Counts the bytes of the body; without one the route reads its body itself.
        deadline_s: Seconds for the body to arrive.
    """

    def __init__(
        self, level: Level, access: Access, intake: Intake | None, deadline_s: float
    ) -> None:
        self._level = level
        self._access = access
        self._intake = intake
        self._deadline_s = deadline_s

    async def handle(self, handler: Handler, request: Request) -> Response:
        """Pass one request to the route.

        Args:
            handler: The route.
            request: Its body must be untouched.

        Raises:
            Refusal: 401, 403 or 429 without access; 408, 413 or 503 for its body.
        """
        if self._level != "open":
            check_origin(self._access, request)
            if self._access.has_key or self._level == "operator":
                try:
                    await self._access.check_secret(request, is_operator=self._level == "operator")
                except Refusal as no:
                    if no.status == 429 or not asks_for_page(request):
                        raise
                    page = request.url.path.removeprefix(request.scope.get("root_path", ""))
                    return RedirectResponse(sign_in_address(page), 303)
        if not (self._intake and _has_body(request)):
            return await handler(request)
        with self._intake.hold() as held:
            body = bytearray()
            deadline = Deadline(self._deadline_s)
            await read_body(request, MAX_BODY_BYTES, deadline, held, body.extend)
            return await handler(_with_body(request, bytes(body)))


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or "content-length" in request.headers


def _with_body(request: Request, body: bytes) -> Request:
    """The request once more, with a body that was read before."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop() if waiting else await request.receive()

    return Request(request.scope, receive)


def _random_ids() -> Iterator[str]:
    """Ids from the system's random numbers, read for many at once: reading them blocks."""
    while True:
        numbers = os.urandom(256 * 16)
        yield from (numbers[at : at + 16].hex() for at in range(0, len(numbers), 16))


class _Record:
    """What is recorded of one request."""

    def __init__(self, scope: Scope, send: Send, new_id: Callable[[], str]) -> None:
        self.started = time.perf_counter()
        self.status = 0
        self.bytes_out = 0
        self._send = send
        names = [name for name, _ in scope["headers"]]
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        self.has_bad_host = names.count(b"host") > 1 or not is_host(host)
        self.scope = apply_prefix(scope) if b"x-forwarded-prefix" in headers else scope
        given = headers.get(b"x-request-id", b"")
        self.request_id = given.decode() if _REQUEST_ID.fullmatch(given) else new_id()
        self.scope.setdefault("state", {})["request_id"] = self.request_id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", []), (b"x-request-id", self.request_id.encode())]
            headers.extend(_SECURITY_HEADERS)
            if all(name != _FRAMING[0] for name, _ in headers):
                headers.append(_FRAMING)
            message = {**message, "headers": headers}
        else:
            self.bytes_out += len(message.get("body", b""))
        await self._send(message)

    async def answer(self, receive: Receive, status: int, detail: str) -> None:
        await JSONResponse({"detail": detail}, status)(self.scope, receive, self.send)


def _write_line(record: _Record, route: str, status: int, seconds: float) -> None:
    state = record.scope["state"]
    facts = {
        "request_id": record.request_id,
        "method": record.scope["method"],
        "route": route,
        "model": state.get("model", "-"),
        "status": status,
        "ms": round(seconds * 1000, 1),
        "bytes_in": state.get("bytes_in", 0),
        "bytes_out": record.bytes_out,
    }
    text = " ".join(f"{name}={value}" for name, value in facts.items())
    logger.info("%s", text, extra={"facts": facts})
