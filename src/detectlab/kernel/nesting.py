"""Nested event loop: run a coroutine on the loop that already runs the calling cell."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from detectlab.kernel.listening import ServerStartError


def run_nested(
    loop: asyncio.AbstractEventLoop, main: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Run `main()` to its end; an interrupt cancels it.

    Args:
        loop: The running event loop.
        main: Makes the coroutine.

    Raises:
        ServerStartError: This kind of loop cannot be nested, or nest_asyncio is missing.
    """
    try:
        import nest_asyncio

        nest_asyncio.apply(loop)
    except (ImportError, ValueError) as error:  # ValueError: uvloop, say
        raise ServerStartError(
            f"`serve` cannot run on this kernel's event loop: {error}. Use start(app) instead, or "
            "run `pip install 'detectlab[lab]'` in a terminal if nest_asyncio is missing."
        ) from None
    task = loop.create_task(main())
    with _postponed_kernel_messages(loop):
        while not task.done():
            try:
                loop.run_until_complete(task)
            except KeyboardInterrupt:
                task.cancel()


@contextlib.contextmanager
def _postponed_kernel_messages(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Postpone messages that reach the kernel while the loop is nested until the cell has ended.

    ipykernel 7 handles all messages of the page in one context, and the cell is inside it: their
    first step fails with "cannot enter context", and the message would be lost.
    """
    handle_problem = loop.call_exception_handler
    postponed: list[asyncio.Handle] = []

    def postpone(problem: dict[str, Any]) -> None:
        if "cannot enter context" in str(problem.get("exception")) and "handle" in problem:
            postponed.append(problem["handle"])
        else:
            handle_problem(problem)

    # Not set_exception_handler(): from Python 3.12 on its handler runs in the same context.
    loop.call_exception_handler = postpone  # type: ignore[assignment]
    try:
        yield
    finally:
        del loop.call_exception_handler
        for message in postponed:
            loop.call_soon(message._run)
