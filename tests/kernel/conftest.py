import queue
import socket
import textwrap
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

DEADLINE_S = 60


@dataclass
class Cell:
    """What one executed cell has shown so far."""

    status: str | None = None  # "ok", "error" or "aborted", once it has ended
    shown: str = ""  # printed text and the text form of displayed objects
    html: str = ""
    error: str = ""  # name and text of the exception the cell ended with
    idle: bool = False


@dataclass
class Notebook:
    """A kernel with a client, as a notebook page sees it."""

    client: BlockingKernelClient
    interrupt: Callable[[], object]
    cells: dict[str, Cell] = field(default_factory=lambda: defaultdict(Cell))

    def send(self, code: str) -> str:
        """Queue a cell and return its id."""
        return self.client.execute(textwrap.dedent(code), stop_on_error=True)

    def until(self, cell_id: str, condition: Callable[[Cell], bool]) -> Cell:
        deadline = time.monotonic() + DEADLINE_S
        cell = self.cells[cell_id]
        while not condition(cell):
            if time.monotonic() > deadline:
                pytest.fail(f"the cell did not get there in {DEADLINE_S} s: {cell}")
            self._take()
        return cell

    def until_shown(self, cell_id: str, text: str) -> Cell:
        cell = self.until(cell_id, lambda cell: text in cell.shown or cell.idle)
        assert text in cell.shown, cell
        return cell

    def finish(self, cell_id: str) -> Cell:
        return self.until(cell_id, lambda cell: cell.idle and cell.status is not None)

    def run(self, code: str) -> Cell:
        """Run a cell to its end."""
        return self.finish(self.send(code))

    def value(self, code: str) -> str:
        """Run a cell that must work and return what it printed."""
        cell = self.run(code)
        assert cell.status == "ok", cell
        return cell.shown.strip()

    def _take(self) -> None:
        for get in (self.client.get_shell_msg, self.client.get_iopub_msg):
            try:
                message = get(timeout=0.05)
            except queue.Empty:
                continue
            cell = self.cells[message["parent_header"].get("msg_id", "")]
            content = message["content"]
            match message["msg_type"]:
                case "execute_reply":
                    cell.status = content["status"]
                case "stream":
                    cell.shown += content["text"]
                case "display_data" | "execute_result":
                    cell.shown += content["data"].get("text/plain", "") + "\n"
                    cell.html += content["data"].get("text/html", "")
                case "error":
                    cell.error = f"{content['ename']}: {content['evalue']}"
                case "status":
                    cell.idle = content["execution_state"] == "idle"


APP = """
import asyncio, os, threading, time
from contextlib import asynccontextmanager
from fastapi import FastAPI
from detectlab.kernel import ServerStartError, serve, start

app = FastAPI()
release = threading.Event()

@app.get("/")
def home():
    return "hello"

@app.get("/slow")
def slow():
    print("a slow request runs", flush=True)
    release.wait(60)
    return "late"
"""


@contextmanager
def _open(client: BlockingKernelClient, interrupt: Callable[[], object]) -> Iterator[Notebook]:
    try:
        client.start_channels(hb=False)  # on a busy machine a starting kernel misses beats
        client.wait_for_ready(timeout=DEADLINE_S)
        notebook = Notebook(client, interrupt)
        notebook.value(APP)
        yield notebook
    finally:
        client.stop_channels()


@pytest.fixture(scope="session")
def open_notebook() -> Callable[..., AbstractContextManager[Notebook]]:
    """Opens a notebook on a running kernel, with `app`, `serve` and `start` in it."""
    return _open


@pytest.fixture(scope="module")
def notebook() -> Iterator[Notebook]:
    """A notebook on a kernel of its own, with `app`, `serve` and `start` in it."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    try:
        with _open(manager.blocking_client(), manager.interrupt_kernel) as notebook:
            yield notebook
    finally:
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which another program than the kernel listens: this one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def is_free() -> Callable[[int], bool]:
    def check(port: int) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
            return True

    return check
