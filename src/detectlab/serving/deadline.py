"""How long an answer is wanted: until its deadline, and while its client is connected."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")


class DeadlinePassed(RuntimeError):
    """The answer did not come in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"There was no answer within {seconds:g} s. Try a smaller picture, a faster detector, "
            "or later."
        )


class Deadline:
    """The deadline of a request.

    Args:
        seconds: From now.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until = time.monotonic() + seconds

    @property
    def remaining_s(self) -> float:
        """Seconds left; 0 when it has passed or was cancelled."""
        return max(0.0, self._until - time.monotonic())

    def cancel(self) -> None:
        """Make it pass now, so that long work which checks it ends."""
        self._until = 0.0

    def check(self) -> None:
        """Raise `DeadlinePassed` when nothing is left."""
        if not self.remaining_s:
            raise DeadlinePassed(self.seconds)


async def while_connected(request: Request, work: Awaitable[T], deadline: Deadline) -> T:
    """Await `work` for as long as the client stays.

    Args:
        request: Its body must have been read.
        work: Cancelled when the client disconnects.
        deadline: Cancelled when this returns: what the work started in a thread ends, too.

    Raises:
        ClientDisconnect: When the client disconnects first.
    """

    async def disconnected() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    task = asyncio.ensure_future(work)
    watcher = asyncio.ensure_future(disconnected())
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientDisconnect
    finally:
        deadline.cancel()
        task.cancel()
        watcher.cancel()
