"""The learner's app and its uvicorn server, made to run inside a Jupyter kernel's process."""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

from detectlab.kernel.forwarded_prefix import ASGIApp, ForwardedPrefix, Scope
from detectlab.kernel.owner import owner_headers

if TYPE_CHECKING:
    import uvicorn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

GRACE_S = 3  # time for requests in progress once the server is told to stop


class Guest:
    """ASGI middleware: keeps the app's start-up error, and applies a proxy's prefix.

    Args:
        app: The learner's ASGI app.

    Attributes:
        failure: What the app's lifespan raised, if anything.
        reason: Why the app did not start, in one line.
    """

    def __init__(self, app: ASGIApp) -> None:
        from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

        inner: Any = ProxyHeadersMiddleware(cast(Any, app), ["127.0.0.1", "::1"])
        # Outermost: it must see who really connected.
        self._app = ForwardedPrefix(inner)
        self._lifespan: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None
        self.reason = "it gave no reason"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one connection to the app."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_noting_failure(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                # The cell shows the error; uvicorn would print the whole traceback once more.
                self.reason = message.get("message", "").strip().rpartition("\n")[2] or self.reason
                message = {"type": message["type"]}
            await send(message)

        self._lifespan = asyncio.current_task()
        try:
            await self._app(scope, receive, send_noting_failure)
        except BaseException as error:
            self.failure = error
            raise

    def cancel_lifespan(self) -> None:
        """Cancel a start-up that was interrupted."""
        if self._lifespan:
            self._lifespan.cancel()


def make_server(
    app: ASGIApp, *, host: str, root_path: str, on_started: Callable[[], None]
) -> "uvicorn.Server":
    """Build a server that can be interrupted at any time, in a cell and in a thread.

    Args:
        app: The ASGI app, usually a `Guest`.
        host: Address that the server listens on.
        root_path: Prefix that a proxy removes from every path.
        on_started: Called once the server answers.
    """
    import uvicorn

    from detectlab.kernel.http_limits import WEBSOCKET_OPTIONS, LimitedProtocol

    class KernelServer(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            on_started()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if sig != signal.SIGINT:
                super().handle_exit(sig, frame)
                return
            # First: let requests finish; second: do not wait; third: the app blocks the loop.
            stuck = not self.started or self.force_exit
            self.force_exit = self.should_exit
            self.should_exit = True
            if stuck:
                raise KeyboardInterrupt

    logging.getLogger("uvicorn.error").addFilter(_is_no_cancellation)
    path = root_path.strip("/")
    return KernelServer(
        uvicorn.Config(
            app,
            root_path=f"/{path}" if path else "",
            http=LimitedProtocol,
            **WEBSOCKET_OPTIONS,
            headers=owner_headers(host),
            log_config=None,  # uvicorn's set-up would close all other handlers of the process
            log_level="warning",
            timeout_graceful_shutdown=GRACE_S,
            proxy_headers=False,  # `Guest` reads them, after the check of the real client address
        )
    )


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """Drop tracebacks of requests that were cancelled because the server stopped."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
