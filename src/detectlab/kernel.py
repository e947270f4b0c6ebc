"""Serve an ASGI app, such as a FastAPI one, from inside a Jupyter kernel (or a script).

`serve` keeps the cell busy until the kernel is interrupted; `start` serves in the background and
returns at once. Both bind the port themselves before uvicorn sees it, so that a port in use is an
error in the cell that asked for it.
"""

import asyncio
import builtins
import contextlib
import errno
import functools
import html
import importlib.util
import json
import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import uvicorn

__all__ = ["ServerHandle", "ServerStartError", "serve", "start"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_GRACE_S = 3  # what requests that are under way get once the server is told to stop
_STOP_DEADLINE_S = _GRACE_S + 7.0
_BACKLOG = 128
_PREFIX = re.compile(r"(/[\w.~!$&'()*+,;=:@%-]+)+")

_running: dict[int, "ServerHandle"] = {}  # port -> this kernel's server there


class ServerStartError(RuntimeError):
    """The server did not start; the message says what to do."""


class ServerHandle:
    """One server of this kernel, as `start` returns it.

    Leaving a `with` block stops the server. In a notebook, a cell that ends with the handle shows
    links to the server.

    Attributes:
        host: Address the server listens on.
        port: Port it listens on, never 0.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, root_path: str) -> None:
        self._guest = _Guest(app)
        self._server = _make_server(self._guest, root_path, self._on_started)
        self._on_ready: Callable[[], None] | None = None
        self._abandon: Callable[[], object] | None = None
        self._settled = threading.Event()  # it answers, or never will
        self._ended = threading.Event()  # the port is free again
        self._socket = _bind(host, port)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        _running[self.port] = self

    @property
    def url(self) -> str:
        """Address to reach the server at from this machine, without a slash at the end."""
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def proxied_path(self) -> str | None:
        """Path of the server on this Jupyter's own address, or `None` without a Jupyter proxy."""
        prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX") or _jupyter_base_url()
        return f"{prefix.rstrip('/')}/proxy/{self.port}/" if prefix else None

    @property
    def running(self) -> bool:
        """Whether the server answers."""
        return self._server.started and not self._ended.is_set()

    def stop(self) -> None:
        """Stop the server and wait until its port is free; harmless when it is stopped already.

        Requests under way get 3 s to finish.

        Raises:
            RuntimeError: The server is still busy after 10 s.
        """
        self._ask_to_stop()
        if not self._ended.wait(_STOP_DEADLINE_S):
            raise RuntimeError(
                f"The server at {self.url} did not stop within {_STOP_DEADLINE_S:.0f} s: something "
                "in the app keeps its event loop busy. Write endpoints that compute as plain `def`,"
                " not `async def`, and restart the kernel."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        if not self.running:
            return f"Server at {self.url}: stopped"
        lines = [f"Serving at {self.url} (try {self.url}/docs)"]
        if self.proxied_path:
            lines.append(f"On this Jupyter's own address: {self.proxied_path}docs")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        if not self.running:
            return html.escape(repr(self))
        links = [f"Serving at {_link(self.url)} (try {_link(self.url + '/docs')})"]
        if self.proxied_path:
            links.append(f"On this Jupyter's own address: {_link(self.proxied_path + 'docs')}")
        return "<br>".join(links)

    def _ask_to_stop(self) -> None:
        self._server.should_exit = True
        if self._abandon and not self._server.started:  # uvicorn looks only after start-up
            with contextlib.suppress(RuntimeError):  # the loop has just closed
                self._abandon()

    def _on_started(self) -> None:
        self._settled.set()
        if self._on_ready:
            self._on_ready()

    async def _run(self) -> None:
        """Serve until told to stop, and leave nothing behind."""
        task = asyncio.current_task()
        assert task is not None
        self._abandon = functools.partial(task.get_loop().call_soon_threadsafe, task.cancel)
        try:
            await self._server.serve(sockets=[self._socket])
        except (KeyboardInterrupt, asyncio.CancelledError):
            self._server.should_exit = True
        except SystemExit:  # uvicorn's way to say that the app did not start
            pass
        finally:
            self._release()

    def _release(self) -> None:
        self._guest.leave()
        for listener in getattr(self._server, "servers", []):
            listener.close()
        self._socket.close()
        _running.pop(self.port, None)
        self._ended.set()
        self._settled.set()

    def _run_on_own_loop(self) -> None:
        # A loop of its own kind: nest_asyncio, uvloop and the user's policy stay out of it.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._run())

    def _check_started(self) -> None:
        if self._server.started or self._server.should_exit:
            return
        raise ServerStartError(
            f"The app failed while starting up: {self._guest.reason}. Mend what runs at its start "
            "(`lifespan` or a start-up handler), then run this cell again."
        ) from self._guest.failure


def serve(app: ASGIApp, host: str | None = None, port: int = 8000, root_path: str = "") -> None:
    """Serve `app` and keep the cell busy until the kernel is interrupted.

    Runs on the kernel's own event loop, or on a fresh one outside a kernel. An interrupt ends the
    cell normally: "Stopped.", the port free, the cells queued after it run. A server that this
    kernel already has on `port` is stopped first, so the cell can be run again.

    Args:
        app: ASGI application, such as `FastAPI()`.
        host: Address to listen on; by default 127.0.0.1, in a container 0.0.0.0.
        port: Port to listen on, 0 for any free one.
        root_path: Prefix that a proxy in front removes from every path, such as "/api".

    Raises:
        ServerStartError: The port is taken, or the app failed while starting up.
    """
    handle = _prepare(app, host, port, root_path)
    handle._on_ready = lambda: _announce(handle)
    try:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            handle._run_on_own_loop()
        else:
            _run_nested(loop, handle)
    except KeyboardInterrupt:
        handle._server.should_exit = True
    handle._check_started()
    print("Stopped.", flush=True)


def start(
    app: ASGIApp, host: str | None = None, port: int = 0, root_path: str = ""
) -> ServerHandle:
    """Serve `app` in the background and return once it answers.

    A server that this kernel already has on `port` is stopped first, so the cell can be run again.

    Args:
        app: ASGI application, such as `FastAPI()`.
        host: Address to listen on; by default 127.0.0.1, in a container 0.0.0.0.
        port: Port to listen on, 0 for any free one.
        root_path: Prefix that a proxy in front removes from every path, such as "/api".

    Returns:
        Handle with `url`, `port` and `stop()`; also a context manager.

    Raises:
        ServerStartError: The port is taken, or the app failed while starting up.
    """
    handle = _prepare(app, host, port, root_path)
    thread = threading.Thread(target=handle._run_on_own_loop, name="detectlab-server", daemon=True)
    thread.start()
    try:
        while not handle._settled.wait(0.2):  # in steps: Windows interrupts only between them
            pass
    except KeyboardInterrupt:
        handle._ask_to_stop()
        raise
    handle._check_started()
    return handle


def _prepare(app: ASGIApp, host: str | None, port: int, root_path: str) -> ServerHandle:
    if not callable(app):
        raise TypeError(f"`app` must be an ASGI application such as FastAPI(). Received: {app!r}")
    if not 0 <= port <= 65535:
        raise ValueError(f"`port` must be from 0 (any free port) to 65535. Received: {port}")
    if port in _running:
        _running[port].stop()
    return ServerHandle(app, _default_host() if host is None else host, port, root_path)


def _default_host() -> str:
    # The course's image sets DOCKER-SETUP; only in a container must other machines get in.
    marks = (os.environ.get(name, "") for name in ("DOCKER-SETUP", "DETECTLAB_CONTAINER"))
    inside = any(mark.lower() not in {"", "0", "false", "no"} for mark in marks)
    return "0.0.0.0" if inside else "127.0.0.1"


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if os.name == "posix":  # elsewhere the option would let two programs share the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)  # from here on nobody else gets the port
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ServerStartError(
                f"Port {port} on {host} is taken by another program, perhaps another notebook's "
                f"server. Pass another port (port={port % 65535 + 1}), port=0 for any free one, or "
                "stop the other server."
            ) from None
        raise ServerStartError(
            f"Cannot listen on port {port} of {host}: {error.strerror}. Leave `host` out and pass "
            "a `port` above 1023, or port=0 for any free one."
        ) from None
    return listener


def _make_server(app: ASGIApp, root_path: str, on_started: Callable[[], None]) -> "uvicorn.Server":
    import uvicorn

    class KernelServer(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            on_started()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if sig != signal.SIGINT:
                super().handle_exit(sig, frame)
                return
            # 1: let requests finish, 2: do not wait for them, 3: the app blocks the loop.
            stuck = not self.started or self.force_exit
            self.force_exit = self.should_exit
            self.should_exit = True
            if stuck:
                raise KeyboardInterrupt

    logging.getLogger("uvicorn.error").addFilter(_is_news)
    path = root_path.strip("/")
    return KernelServer(
        uvicorn.Config(
            app,
            root_path=f"/{path}" if path else "",
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_S,
            proxy_headers=False,  # `_Guest` reads them, after it has seen who really called
        )
    )


def _is_news(record: logging.LogRecord) -> bool:
    """Drop the tracebacks of requests that were cut off because the server stopped."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


class _Guest:
    """The app as uvicorn sees it: its start-up error is kept, a proxy's prefix is passed on."""

    def __init__(self, app: ASGIApp) -> None:
        from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

        self._app: Any = ProxyHeadersMiddleware(app, ["127.0.0.1", "::1"])  # type: ignore[arg-type]
        self._lifespan: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None
        self.reason = "it gave no reason"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(_with_proxy_prefix(scope), receive, send)
            return

        async def send_noting_failure(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                # The cell shows it; uvicorn would print the whole traceback once more.
                self.reason = message.get("message", "").strip().rpartition("\n")[2] or self.reason
                message = {"type": message["type"]}
            await send(message)

        self._lifespan = asyncio.current_task()
        try:
            await self._app(scope, receive, send_noting_failure)
        except BaseException as error:
            self.failure = error
            raise

    def leave(self) -> None:
        """End a start-up that was interrupted."""
        if self._lifespan:
            self._lifespan.cancel()


def _with_proxy_prefix(scope: Scope) -> Scope:
    """Put the prefix that jupyter-server-proxy took off a request back into its scope.

    FastAPI's pages and redirects then lead through the proxy. The header is believed only from
    this machine, since anybody can send it, and removed, so that no one applies it twice.
    """
    name = b"x-forwarded-prefix"
    prefix = dict(scope["headers"]).get(name, b"").decode("latin-1").rstrip("/")
    client = scope.get("client")
    if not (client and client[0] in {"127.0.0.1", "::1"} and _PREFIX.fullmatch(prefix)):
        return scope
    return {
        **scope,
        "root_path": prefix + scope.get("root_path", ""),
        "path": prefix + scope["path"],
        "raw_path": prefix.encode() + scope["raw_path"],
        "headers": [header for header in scope["headers"] if header[0] != name],
    }


def _run_nested(loop: asyncio.AbstractEventLoop, handle: ServerHandle) -> None:
    """Run the server on the event loop that is running this very cell."""
    try:
        import nest_asyncio

        nest_asyncio.apply(loop)
    except (ImportError, ValueError) as error:  # ValueError: not a loop that can be nested
        handle._release()
        raise ServerStartError(
            f"`serve` cannot run on this kernel's event loop: {error}. Use start(app) instead, or, "
            "if nest_asyncio is missing, run `pip install 'detectlab[lab]'` in a terminal."
        ) from None
    task = loop.create_task(handle._run())
    with _postponing_what_needs_this_cell(loop):
        while not task.done():
            try:
                loop.run_until_complete(task)
            except KeyboardInterrupt:
                task.cancel()


@contextlib.contextmanager
def _postponing_what_needs_this_cell(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Keep the messages that reach a kernel while this cell nests its loop, for after the cell.

    ipykernel 7 handles all messages of the page in one context, and the cell is inside it: their
    first step fails with "cannot enter context", and without this they would be lost for ever.
    """
    earlier = loop.get_exception_handler()
    postponed: list[asyncio.Handle] = []

    def postpone(loop: asyncio.AbstractEventLoop, problem: dict[str, Any]) -> None:
        if "cannot enter context" in str(problem.get("exception")) and "handle" in problem:
            postponed.append(problem["handle"])
        elif earlier:
            earlier(loop, problem)
        else:
            loop.default_exception_handler(problem)

    loop.set_exception_handler(postpone)
    try:
        yield
    finally:
        loop.set_exception_handler(earlier)
        for message in postponed:
            loop.call_soon(message._run)


def _announce(handle: ServerHandle) -> None:
    getattr(builtins, "display", print)(handle)  # IPython's `display` makes the links clickable
    print("To stop: interrupt the kernel (the square button; Ctrl+C in a terminal).", flush=True)


def _jupyter_base_url() -> str | None:
    """Base URL of the Jupyter server that started this kernel, if it can proxy to a port."""
    parent = os.environ.get("JPY_PARENT_PID")
    if not parent or importlib.util.find_spec("jupyter_server_proxy") is None:
        return None
    from jupyter_core.paths import jupyter_runtime_dir

    # What `list_running_servers()` reads, without the 2 s that importing jupyter_server takes.
    try:
        info = json.loads(Path(jupyter_runtime_dir(), f"jpserver-{parent}.json").read_text())
    except (OSError, ValueError):
        return None
    base_url = info.get("base_url")
    return base_url if isinstance(base_url, str) else None


def _link(address: str) -> str:
    address = html.escape(address)
    return f'<a href="{address}" target="_blank">{address}</a>'
