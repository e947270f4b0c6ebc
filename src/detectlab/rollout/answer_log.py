"""Notes answers and comparisons in the store, in a thread of its own: nobody waits for the disk."""

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Any

from detectlab.rollout.comparison import Comparison
from detectlab.rollout.store import Store, StoreError

logger = logging.getLogger(__name__)

_MAX_WAITING = 500
_MAX_AT_ONCE = 100
_KEEP_ANSWERS = 10_000


@dataclass(frozen=True)
class AnswerNote:
    """An answer that was given, or failed; the names are those of the table `answers`."""

    request_id: str
    number: int
    revision: int
    side: str
    model: str
    seconds: float | None = None
    error: str | None = None
    detections: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class PairNote:
    """Two answers about one picture; the names are those of the table `pairs`."""

    request_id: str
    revision: int
    baseline: str
    model: str
    comparison: Comparison
    baseline_detections: str
    detections: str
    baseline_s: float | None = None
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    picture: bytes | None = None


class Journal:
    """Writes notes into a store, many in one transaction, and keeps the tables bounded.

    Args:
        store: Where.
        on_lost: Called for each note that could not be kept.
    """

    def __init__(self, store: Store, on_lost: Callable[[], None] = lambda: None) -> None:
        self.keep_pairs = 10_000
        self.keep_pictures = 0
        self._store = store
        self._on_lost = on_lost
        self._queue: Queue[AnswerNote | PairNote | threading.Event | None] = Queue(_MAX_WAITING)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_failing = False

    def note(self, note: AnswerNote | PairNote) -> None:
        """Keep a note, soon; returns at once and never fails."""
        self._start()
        try:
            self._queue.put_nowait(note)
        except Full:
            self._on_lost()

    def flush(self, seconds: float) -> None:
        """Wait until what was noted before is written, at most `seconds`."""
        written = threading.Event()
        with contextlib.suppress(Full):
            self._start()
            self._queue.put(written, timeout=seconds)
            written.wait(seconds)

    def close(self, seconds: float) -> None:
        """Write what waits, within `seconds`, and stop."""
        with self._starting:
            thread, self._thread = self._thread, None
        if thread:
            with contextlib.suppress(Full):
                self._queue.put(None, timeout=seconds)
                thread.join(seconds)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            batch = [self._queue.get()]
            while batch[-1] is not None and len(batch) < _MAX_AT_ONCE:
                try:
                    batch.append(self._queue.get_nowait())
                except Empty:
                    break
            self._write([note for note in batch if isinstance(note, AnswerNote | PairNote)])
            for event in batch:
                if isinstance(event, threading.Event):
                    event.set()
            if batch[-1] is None:
                return

    def _write(self, notes: list[AnswerNote | PairNote]) -> None:
        if not notes:
            return
        try:
            with self._store.write() as connection:
                for note in notes:
                    _insert(connection, note)
                self._tidy(connection)
            self._is_failing = False
        except (StoreError, sqlite3.Error) as error:
            for _ in notes:
                self._on_lost()
            if not self._is_failing:  # say it once, not for every answer
                logger.error("Answers cannot be noted: %s", error)
            self._is_failing = True

    def _tidy(self, connection: sqlite3.Connection) -> None:
        """Let the oldest rows go: by number, which costs nothing."""
        for table, keep in (("answers", _KEEP_ANSWERS), ("pairs", self.keep_pairs)):
            connection.execute(
                f"DELETE FROM {table} WHERE id <= (SELECT max(id) FROM {table}) - ?", (keep,)
            )
        connection.execute(
            "UPDATE pairs SET picture = NULL WHERE picture IS NOT NULL AND id NOT IN "
            "(SELECT id FROM pairs WHERE picture IS NOT NULL ORDER BY id DESC LIMIT ?)",
            (self.keep_pictures,),
        )


def _insert(connection: sqlite3.Connection, note: AnswerNote | PairNote) -> None:
    # Not `asdict`, which would copy what is inside, too.
    row: dict[str, Any] = {"at": time.time(), **vars(note)}
    if isinstance(note, PairNote):
        compared = row.pop("comparison")
        row |= {**vars(compared), "agreement": compared.agreement}
    table = "pairs" if isinstance(note, PairNote) else "answers"
    names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)
