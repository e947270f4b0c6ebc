"""The store of received pictures: a folder of bounded size."""

import hashlib
import logging
import os
import re
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from queue import Full, Queue

from prometheus_client import Counter

from detectlab.settings import Settings

logger = logging.getLogger(__name__)

# Only files with such a name are deleted: other files in the folder stay.
_OURS = re.compile(r"\d{8}T\d{12}-[0-9a-f]{12}\.[a-z0-9]{1,10}\Z")
_PART = re.compile(r"\.\d{8}T\d{12}-[0-9a-f]{12}\.part\Z")
# Writing a part takes a moment; an older one was left by a process that was killed.
_PART_MAX_AGE_S = 60.0
_MAX_WAITING = 16


def picture_key(request_id: str, number: int) -> str:
    """The end of the name of a kept picture, by which feedback finds it.

    Args:
        request_id: The `X-Request-ID` of its answer.
        number: Which of the pictures of the request.
    """
    return hashlib.sha256(f"{request_id}/{number}".encode()).hexdigest()[:12]


def kept_pictures(folder: Path) -> list[Path]:
    """The kept pictures of a folder, the newest first."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted((path for path in paths if _OURS.match(path.name)), reverse=True)


def kept_at(picture: Path) -> datetime:
    """When a kept picture was received."""
    return datetime.strptime(picture.name[:21], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)


def retention(settings: Settings) -> str:
    """One sentence that says whether the service keeps received pictures."""
    if not (settings.received_dir and settings.received_keep):
        return "Received pictures are not kept."
    return (
        f"The newest {settings.received_keep} received pictures are kept on this server, without "
        "their metadata."
    )


class UploadStore:
    """Keeps the newest pictures, in a thread of its own, so that no request waits for the disk.

    Each is written under a generated name into a hidden file that is then renamed: the folder shows
    whole pictures only.

    Args:
        folder: Their folder; created when it does not exist.
        keep: How many pictures at most.
        max_bytes: How much space they take at most.
        on_lost: Called for each picture that could not be kept, with `"disk"` or `"busy"`.
    """

    def __init__(
        self,
        folder: Path,
        keep: int,
        max_bytes: int,
        on_lost: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self._keep = keep
        self._max_bytes = max_bytes
        self._on_lost = on_lost
        self._queue: Queue[tuple[bytes, str, str] | None] = Queue(_MAX_WAITING)
        self._thread: threading.Thread | None = None
        self._is_failing = False

    def keep(self, data: bytes, format: str, *, key: str = "") -> None:
        """Keep a picture soon; returns at once and does not fail.

        Args:
            data: A file without metadata.
            format: `"JPEG"` or `"PNG"`.
            key: Its `picture_key`; by default a random one.
        """
        try:
            self._queue.put_nowait((data, format, key or uuid.uuid4().hex[:12]))
        except Full:
            self._on_lost("busy")

    def open(self) -> None:
        """Start keeping."""
        self._thread = threading.Thread(target=self._work, name="received", daemon=True)
        self._thread.start()

    def close(self, grace_s: float) -> None:
        """Write what waits, within `grace_s` seconds, and stop."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        until = time.monotonic() + grace_s
        try:
            self._queue.put(None, timeout=grace_s)
        except Full:
            return  # the disk hangs: the thread ends with the process
        thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        item: tuple[bytes, str, str] | None = None
        is_first = True
        while is_first or (item := self._queue.get()) is not None:
            is_first = False
            try:
                if item:
                    self._write(*item)
                self._tidy()
            except Exception as error:  # no single file ends the thread
                if item:
                    self._on_lost("disk")
                if not self._is_failing:  # logged once, not for every request
                    logger.error("Received pictures cannot be kept in %s: %s", self.folder, error)
                self._is_failing = True
            else:
                self._is_failing = False

    def clear(self) -> int:
        """Delete all received pictures in the folder; other files stay.

        Returns:
            How many were deleted.
        """
        names = [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []
        pictures = list(filter(_OURS.match, names))
        for name in [*pictures, *filter(_PART.match, names)]:
            (self.folder / name).unlink(missing_ok=True)
        return len(pictures)

    def _write(self, data: bytes, format: str, key: str) -> None:
        stem = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{key}"
        part = self.folder / f".{stem}.part"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
                new.write(data)
            part.rename(self.folder / f"{stem}.{format.lower()}")
        finally:
            part.unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Delete the oldest pictures beyond the bounds, and abandoned parts."""
        size = 0
        paths = list(self.folder.iterdir()) if self.folder.is_dir() else []
        for count, path in enumerate(kept_pictures(self.folder), start=1):
            size += _size_and_age(path)[0]
            if count > self._keep or size > self._max_bytes:
                path.unlink(missing_ok=True)
        for path in paths:
            if _PART.match(path.name) and _size_and_age(path)[1] > _PART_MAX_AGE_S:
                path.unlink(missing_ok=True)


def _size_and_age(path: Path) -> tuple[int, float]:
    """Bytes of a file itself, not of what a link leads to, and its age in seconds."""
    try:
        stat = path.lstat()
    except OSError:  # deleted meanwhile
        return 0, 0.0
    return stat.st_size, time.time() - stat.st_mtime


def open_upload_store(settings: Settings, lost: Counter) -> UploadStore | None:
    """The store that the settings ask for, or `None` when no pictures are kept.

    Args:
        settings: Name its folder and its bounds.
        lost: Counts pictures that could not be kept, by their reason.
    """
    if not (settings.received_dir and settings.received_keep):
        return None
    return UploadStore(
        settings.received_dir,
        settings.received_keep,
        settings.received_max_mb << 20,
        lambda reason: lost.labels(reason).inc(),
    )
