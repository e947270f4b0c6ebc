"""The file that remembers a rollout: plans, answers and comparisons, for several processes."""

import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

_BUSY_TIMEOUT_MS = 5000
_LAYOUT = 1

# The plan in force is the last entry of the history: one row is written whole or not at all, so
# there is no moment at which the two could say different things.
_TABLES = """
CREATE TABLE history (
    revision INTEGER PRIMARY KEY,
    at REAL NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, why TEXT NOT NULL,
    plan TEXT NOT NULL
);
CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;
CREATE TRIGGER history_is_not_deleted BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;
CREATE TABLE answers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, revision INTEGER NOT NULL,
    side TEXT NOT NULL, model TEXT NOT NULL, seconds REAL, error TEXT, detections TEXT,
    width INTEGER, height INTEGER
);
CREATE INDEX answers_by_request ON answers (request_id, number);
CREATE TABLE pairs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL, at REAL NOT NULL, revision INTEGER NOT NULL,
    baseline TEXT NOT NULL, model TEXT NOT NULL,
    matched INTEGER NOT NULL, missed INTEGER NOT NULL, extra INTEGER NOT NULL,
    agreement REAL NOT NULL, confidence_shift REAL NOT NULL, iou REAL NOT NULL,
    baseline_s REAL, seconds REAL,
    baseline_detections TEXT NOT NULL, detections TEXT NOT NULL,
    width INTEGER, height INTEGER, picture BLOB
);
CREATE INDEX pairs_that_differ ON pairs (id) WHERE missed + extra > 0;
CREATE INDEX pairs_with_picture ON pairs (id) WHERE picture IS NOT NULL;
"""


class StoreError(OSError):
    """The rollout's file cannot be used; the message says which and what to do."""


class Store:
    """One SQLite file, used by any number of threads and processes.

    Every transaction is short, and waits up to 5 s for those of others.

    Args:
        file: Where; made when it is not there. `None` keeps everything in memory, for this process
            and no longer than it lives.

    Raises:
        StoreError: When the file cannot be opened, or is something else.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self._lock = threading.Lock()  # one connection, one user at a time
        try:
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                file or ":memory:", timeout=_BUSY_TIMEOUT_MS / 1000,
                isolation_level=None, check_same_thread=False,
            )  # fmt: skip
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from None
        # Closed with the store, whoever forgets to.
        weakref.finalize(self, self._connection.close)
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            raise self._unusable(error) from None

    @property
    def is_durable(self) -> bool:
        """Whether it outlives this process."""
        return self.file is not None

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that writes: all of it, or on any error nothing.

        Raises:
            StoreError: When the file cannot be written.
        """
        with self._lock, self._errors():
            # IMMEDIATE: waits for its turn here, where waiting is possible, and not half-way.
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """The rows that a query gives.

        Raises:
            StoreError: When the file cannot be read.
        """
        with self._lock, self._errors(), closing(self._connection.cursor()) as cursor:
            cursor.row_factory = sqlite3.Row
            return cursor.execute(query, parameters).fetchall()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def _prepare(self) -> None:
        with self._lock:
            run = self._connection.execute
            if self.file:
                # Readers and one writer do not hinder each other; FULL: what is committed stays
                # even when the power goes.
                run("PRAGMA journal_mode = WAL")
                run("PRAGMA synchronous = FULL")
            run("BEGIN IMMEDIATE")
            (layout,) = run("PRAGMA user_version").fetchone()
            if not layout:
                for statement in _statements(_TABLES):
                    run(statement)
                run(f"PRAGMA user_version = {_LAYOUT}")
            run("COMMIT")
            if layout not in (0, _LAYOUT):
                raise sqlite3.DatabaseError(f"its layout {layout} is not known to this version")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise  # about the content, and for the caller to understand
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(
            f"The rollout's file {self.file or 'in memory'} cannot be used: {error}. Mend it, or "
            "choose another one with DETECTLAB_ROLLOUT_FILE."
        )


def _statements(script: str) -> Iterator[str]:
    # `executescript` would commit before it begins.
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
