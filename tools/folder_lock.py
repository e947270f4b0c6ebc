"""A lock between processes on a folder, with the standard library only."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _BEYOND_THE_END = 1 << 30  # Windows blocks reads of locked bytes, so it locks one behind them

    def _open(folder: Path) -> int:
        # Windows opens no folders: the lock is on a file that every project has.
        handle = os.open(folder / "pyproject.toml", os.O_RDONLY)
        os.lseek(handle, _BEYOND_THE_END, os.SEEK_SET)
        return handle

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _open(folder: Path) -> int:
        return os.open(folder, os.O_RDONLY)

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def locked(folder: Path, *, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of a folder; another process that asks for it waits.

    Args:
        folder: The folder.
        on_wait: Called once, when the lock is not free.
    """
    handle = _open(folder)
    try:
        if not _try_lock(handle):
            on_wait()
            while not _try_lock(handle):
                time.sleep(0.1)
        yield
    finally:
        os.close(handle)  # releases the lock
