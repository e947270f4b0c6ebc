"""Things that only one caller may use at a time, lent to many."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Lending(Generic[T]):
    """Lends things of one kind; makes another one when none is free, up to a limit.

    The first is made at once, so that what cannot be made says so early.

    Args:
        make: Makes one.
        limit: How many there may be; beyond that, callers wait.
    """

    def __init__(self, make: Callable[[], T], limit: int) -> None:
        self._make = make
        self._limit = limit
        self._free: deque[T] = deque([make()])
        self._made = 1
        self._changed = threading.Condition()

    @contextmanager
    def one(self) -> Iterator[T]:
        """One for the caller alone, as long as the block lasts."""
        thing = self._take()
        try:
            yield thing
        finally:
            with self._changed:
                self._free.append(thing)
                self._changed.notify()

    def _take(self) -> T:
        with self._changed:
            self._changed.wait_for(lambda: self._free or self._made < self._limit)
            if self._free:
                return self._free.pop()
            self._made += 1
        try:
            return self._make()
        except BaseException:
            with self._changed:
                self._made -= 1  # somebody else may have more luck
                self._changed.notify()
            raise
