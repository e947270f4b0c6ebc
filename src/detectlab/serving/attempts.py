"""Wrong keys: an address that sends them is slowed down."""

import asyncio
import time
from collections import OrderedDict

from detectlab.serving.errors import Refusal

_FREE_ATTEMPTS = 5
_LONGEST_DELAY_S = 5.0
_MAX_WAITING = 8
_MAX_ADDRESSES = 10_000


class Attempts:
    """Slows down an address that sends wrong keys: each one waits longer than the one before.

    At most `_MAX_WAITING` requests of an address wait; more are refused, right or wrong.
    """

    def __init__(self) -> None:
        self._failed: OrderedDict[str, int] = OrderedDict()
        self._next: dict[str, float] = {}
        self._waiting: dict[str, int] = {}

    async def wait(self, address: str) -> None:
        """Wait as long as the wrong keys of an address make it wait.

        Raises:
            Refusal: 429 while too many of its requests wait.
        """
        failed = self._failed.get(address, 0)
        if failed < _FREE_ATTEMPTS:
            return
        if self._waiting.get(address, 0) >= _MAX_WAITING:
            raise Refusal(429, "Too many wrong keys came from this address.", {"Retry-After": "60"})
        delay_s = min(_LONGEST_DELAY_S, 0.1 * 2.0 ** (failed - _FREE_ATTEMPTS))
        now = time.monotonic()
        begin = max(now, self._next.get(address, 0.0)) + delay_s
        self._next[address] = begin
        self._waiting[address] = self._waiting.get(address, 0) + 1
        try:
            await asyncio.sleep(begin - now)
        finally:
            self._waiting[address] -= 1

    def note(self, address: str) -> None:
        """Count a wrong key."""
        self._failed[address] = min(20, self._failed.pop(address, 0) + 1)
        if len(self._failed) > _MAX_ADDRESSES:
            self._drop(next(iter(self._failed)))

    def forget(self, address: str) -> None:
        """Count from zero again: the key was right."""
        if address in self._failed:
            self._drop(address)

    def _drop(self, address: str) -> None:
        del self._failed[address]
        self._next.pop(address, None)
        if not self._waiting.get(address):
            self._waiting.pop(address, None)
