"""`serve`, `start`, and the handle to a server."""

import asyncio
import builtins
import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Self

from detectlab.kernel.forwarded_prefix import ASGIApp, is_loopback
from detectlab.kernel.guest import GRACE_S, Guest, make_server
from detectlab.kernel.jupyter import link, proxied_path
from detectlab.kernel.listening import ServerStartError, bind, default_host
from detectlab.kernel.nesting import run_nested

_STOP_DEADLINE_S = GRACE_S + 7.0

_running: dict[int, "ServerHandle"] = {}  # port -> this kernel's server there


class ServerHandle:
    """A server of this kernel, as `start` returns it; leaving a `with` block stops it.

    Attributes:
        host: Address the server listens on.
        port: Port it listens on, never 0.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, root_path: str) -> None:
        self._guest = Guest(app)
        self._server = make_server(
            self._guest, host=host, root_path=root_path, on_started=self._on_started
        )
        self._on_ready: Callable[[], None] | None = None
        self._abandon: Callable[[], object] | None = None
        self._settled = threading.Event()  # it answers, or failed to start
        self._ended = threading.Event()  # the port is free again
        self._socket = bind(host, port)
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
        return proxied_path(self.port)

    @property
    def running(self) -> bool:
        """Whether the server answers."""
        return self._server.started and not self._ended.is_set()

    def stop(self) -> None:
        """Stop the server and wait until its port is free; does nothing when it is stopped already.

        Requests in progress get 3 s to finish.

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
        return "\n".join(self._tell(str))

    def _repr_html_(self) -> str:
        return "<br>".join(self._tell(link))

    def _tell(self, show: Callable[[str], str]) -> Iterator[str]:
        if not self.running:
            yield f"Server at {show(self.url)}: stopped"
            return
        yield f"Serving at {show(self.url)} (try {show(self.url + '/docs')})"
        if not is_loopback(self.host):
            yield f"Every machine that reaches this one can use it: it listens on {self.host}."
        if path := self.proxied_path:
            yield f"On this Jupyter's own address: {show(path + 'docs')}"

    def _ask_to_stop(self) -> None:
        self._server.should_exit = True
        if self._abandon and not self._server.started:  # uvicorn reads the flag after start-up
            with contextlib.suppress(RuntimeError):  # the loop has just closed
                self._abandon()

    def _on_started(self) -> None:
        self._settled.set()
        if self._on_ready:
            self._on_ready()

    async def _run(self) -> None:
        """Serve until told to stop, then release the socket and the registry entry."""
        task = asyncio.current_task()
        assert task is not None
        self._abandon = functools.partial(task.get_loop().call_soon_threadsafe, task.cancel)
        try:
            await self._server.serve(sockets=[self._socket])
        except (KeyboardInterrupt, asyncio.CancelledError):
            self._server.should_exit = True
        except SystemExit:  # uvicorn raises it when the app did not start
            pass
        finally:
            self._release()

    def _release(self) -> None:
        self._guest.cancel_lifespan()
        for listener in getattr(self._server, "servers", []):
            listener.close()
        self._socket.close()
        if _running.get(self.port) is self:
            del _running[self.port]
        self._ended.set()
        self._settled.set()

    def _run_on_own_loop(self) -> None:
        # A plain loop: nest_asyncio, uvloop and the user's policy do not affect it.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._run())

    def _check_started(self) -> None:
        if self._server.started or self._server.should_exit:
            return
        raise ServerStartError(
            f"The app failed while starting up: {self._guest.reason}. Mend what runs at its start "
            "(`lifespan` or a start-up handler), then run this cell again."
        ) from self._guest.failure


def is_ours(port: int) -> bool:
    """Whether a server of this kernel listens on `port`."""
    return port in _running


def serve(app: ASGIApp, *, host: str | None = None, port: int = 8000, root_path: str = "") -> None:
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
            run_nested(loop, handle._run)
    except KeyboardInterrupt:
        handle._server.should_exit = True
    finally:
        handle._release()
    handle._check_started()
    print("Stopped.", flush=True)


def start(
    app: ASGIApp, *, host: str | None = None, port: int = 0, root_path: str = ""
) -> ServerHandle:
    """Serve `app` in the background and return once it answers.

    A server that this kernel already has on `port` is stopped first.

    Args:
        app: ASGI application, such as `FastAPI()`.
        host: Address to listen on; by default 127.0.0.1, in a container 0.0.0.0.
        port: Port to listen on, by default any free one.
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
        while not handle._settled.wait(0.2):  # in steps: Windows interrupts between them only
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
    return ServerHandle(app, default_host() if host is None else host, port, root_path)


def _announce(handle: ServerHandle) -> None:
    getattr(builtins, "display", print)(handle)  # IPython's `display` makes the links clickable
    print("To stop: interrupt the kernel (the square button; Ctrl+C in a terminal).", flush=True)
