"""Work that ends when its client goes away."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from detectlab.serving.deadline import Deadline

T = TypeVar("T")


async def while_connected(request: Request, work: Awaitable[T], deadline: Deadline) -> T:
    """Await `work`; when the client goes away first, cancel it and raise `ClientDisconnect`."""

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
        deadline.give_up()
        task.cancel()
        watcher.cancel()
