"""Files that are kept whole or not at all, by one writer at a time."""

import hashlib
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from glob import escape
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from detectlab.models.card import WeightsFile

logger = logging.getLogger(__name__)


class WeightsError(RuntimeError):
    """A file is not there and could not be had; the message says what to do about it."""


def cannot_write(path: Path | str, error: OSError) -> WeightsError:
    """The error for a full disk, or a folder that cannot be written.

    Args:
        path: What was to be written.
        error: The system's error.
    """
    return WeightsError(
        f"Cannot write {path}: {error.strerror}. Free some space, or set DETECTLAB_HOME to a "
        "folder that can be written."
    )


def is_intact(path: Path, file: WeightsFile) -> bool:
    """Whether a file is there with the published content.

    Each file is read once per process, and again when it changes. Only reading it, not a note of
    an earlier check, notices a damaged disk or a swapped file; it takes a fraction of the time
    that loading the network does.

    Args:
        path: Where it belongs.
        file: What was published.
    """
    try:
        stat = path.stat()
        return _sha256(path, stat.st_size, stat.st_mtime_ns, stat.st_ino) == file.sha256
    except OSError:
        return False


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, mtime_ns: int, inode: int) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def replace_file(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write a file beside its place, then move it there in one step.

    Args:
        path: The file's place. Whatever goes wrong, it holds the old content or all of the new.
        fill: Writes the content; when it raises, nothing of it is kept.

    Raises:
        WeightsError: The folder cannot be written, or the disk is full.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as opened:
            fill(opened)
        part.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Lock `path` against other processes and threads; remove what a killed one left.

    The lock is the operating system's, so it ends with its process, however that ends. Where there
    is none (some network drives) the temporary names of `replace_file` keep two writers apart, and
    only the work is done twice.

    Raises:
        WeightsError: The folder cannot be written.
    """
    lock_path = path.with_name(f".{path.name}.lock")
    lock = FileLock(lock_path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock_path.touch()
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        if _acquire(lock):
            for left in path.parent.glob(f"{escape(path.name)}.*.part"):
                left.unlink(missing_ok=True)
        yield
    finally:
        with suppress(OSError):
            lock_path.unlink(missing_ok=True)  # a process that waits for it locks a new one
        lock.release()


def _acquire(lock: FileLock) -> bool:
    """Wait for a lock; returns whether files can be locked there."""
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logger.warning("Waiting for another process to finish with %s", lock.lock_file)
            lock.acquire()
    except (OSError, NotImplementedError):
        return False
    return True
