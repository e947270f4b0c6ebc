"""A pool of objects that only one caller may use at a time."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class ObjectPool(Generic[T]):
    """Lends objects to one caller each; creates one when none is free, up to a limit.

    The first object is created at once, so that an error in `create` shows early.

    Args:
        create: Creates one object.
        limit: The most objects there may be; beyond that, callers wait.
    """

    def __init__(self, create: Callable[[], T], limit: int) -> None:
        self._create = create
        self._limit = limit
        self._free: deque[T] = deque([create()])
        self._created = 1
        self._changed = threading.Condition()

    @contextmanager
    def borrow(self) -> Iterator[T]:
        """Give an object to the caller alone, for the length of the block."""
        borrowed = self._take()
        try:
            yield borrowed
        finally:
            with self._changed:
                self._free.append(borrowed)
                self._changed.notify()

    def _take(self) -> T:
        with self._changed:
            self._changed.wait_for(lambda: self._free or self._created < self._limit)
            if self._free:
                return self._free.pop()
            self._created += 1
        try:
            return self._create()
        except BaseException:
            with self._changed:
                self._created -= 1  # a waiting caller may try in its place
                self._changed.notify()
            raise
