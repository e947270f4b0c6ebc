"""Hearing of SIGTERM beside the server's own handler."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from detectlab.serving.shutdown import on_sigterm


@pytest.fixture
def calls() -> Iterator[list[str]]:
    """What was called, with a server's handler in place."""
    made: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda *_: made.append("server"))
    yield made
    signal.signal(signal.SIGTERM, before)


def test_sigterm_reaches_the_callback_and_the_server(calls: list[str]) -> None:
    servers_own = signal.getsignal(signal.SIGTERM)

    async def scene() -> None:
        with on_sigterm(lambda: calls.append("pool")):
            os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(30):
                while len(calls) < 2:
                    await asyncio.sleep(0.001)

    asyncio.run(scene())

    assert sorted(calls) == ["pool", "server"]
    assert signal.getsignal(signal.SIGTERM) is servers_own


def test_a_handler_that_came_later_stays(calls: list[str]) -> None:
    def later(*_: object) -> None:
        calls.append("later")

    async def scene() -> None:
        with on_sigterm(lambda: calls.append("pool")):
            signal.signal(signal.SIGTERM, later)

    asyncio.run(scene())

    assert signal.getsignal(signal.SIGTERM) is later


def test_where_nobody_handles_sigterm_nothing_changes(calls: list[str]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    async def scene() -> None:
        with on_sigterm(lambda: calls.append("pool")):
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    asyncio.run(scene())


def test_outside_the_main_thread_nothing_changes(calls: list[str]) -> None:
    servers_own = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    async def scene() -> None:
        with on_sigterm(lambda: calls.append("pool")):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=lambda: asyncio.run(scene()))
    thread.start()
    thread.join(30)

    assert seen == [servers_own]
