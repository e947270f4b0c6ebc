"""The rollout's store: plans, answers and comparisons in SQLite, shared by several processes."""

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

_BUSY_TIMEOUT_S = 5.0
_LAYOUT = 2

# The plan in force is the last row of the history: a row is written whole or not at all, so the two
# cannot disagree.
_HISTORY = """
CREATE TABLE history (
    revision INTEGER PRIMARY KEY,
    at REAL NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, why TEXT NOT NULL,
    plan TEXT NOT NULL
);
CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;
CREATE TRIGGER history_is_not_deleted BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;
"""
# Layout 1 keeps its history, and its answers and comparisons under other names.
_FROM_LAYOUT_1 = """
ALTER TABLE answers RENAME TO answers_of_layout_1;
ALTER TABLE pairs RENAME TO pairs_of_layout_1;
DROP INDEX answers_by_request;
"""
# The trigger is for `INSERT OR REPLACE`, which deletes without one.
_TABLES = """
CREATE TRIGGER history_is_not_replaced BEFORE INSERT ON history
WHEN NEW.revision <= (SELECT coalesce(max(revision), 0) FROM history)
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;
CREATE TABLE answers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, revision INTEGER NOT NULL,
    role TEXT NOT NULL, model TEXT NOT NULL, seconds REAL, error TEXT, detections TEXT,
    width INTEGER, height INTEGER
);
CREATE INDEX answers_by_request ON answers (request_id, number);
CREATE TABLE comparisons (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, revision INTEGER NOT NULL,
    baseline TEXT NOT NULL, model TEXT NOT NULL,
    matched INTEGER NOT NULL, missed INTEGER NOT NULL, extra INTEGER NOT NULL,
    agreement REAL NOT NULL, confidence_shift REAL NOT NULL, iou REAL NOT NULL,
    baseline_s REAL, seconds REAL,
    baseline_detections TEXT NOT NULL, detections TEXT NOT NULL,
    width INTEGER, height INTEGER, picture BLOB
);
CREATE INDEX disagreements ON comparisons (id) WHERE missed + extra > 0;
CREATE INDEX comparisons_with_picture ON comparisons (id) WHERE picture IS NOT NULL;
CREATE UNIQUE INDEX one_judgement_per_answer ON comparisons (request_id, number)
WHERE baseline = 'person';
"""
# Layout of a file -> what goes before `_TABLES`.
_BEFORE = {0: _HISTORY, 1: _FROM_LAYOUT_1}

Row = dict[str, Any]


class StoreError(OSError):
    """The store cannot be used; the message says which file and what to do."""


class Result(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """Number of rows that the statement changed; known after the transaction."""


class Transaction(Protocol):
    """Executes statements of one transaction."""

    def execute(self, statement: str, parameters: Any = ..., /) -> Result:
        """Execute a statement, as `sqlite3.Connection.execute` does."""


class Store(Protocol):
    """What a rollout needs from its store."""

    @property
    def name(self) -> str:
        """Its name in error messages."""

    @property
    def is_durable(self) -> bool:
        """Whether it outlives this process."""

    @property
    def is_shared(self) -> bool:
        """Whether the gateways of a cluster use it, perhaps from other machines."""

    def write(self) -> AbstractContextManager[Transaction]:
        """A transaction that writes: everything, or on any error nothing.

        Raises:
            StoreError: When the store cannot be written.
        """

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """The rows that a query gives.

        Args:
            query: In SQL.
            parameters: The values of its placeholders.

        Raises:
            StoreError: When the store cannot be read.
        """

    def close(self) -> None:
        """Release the store."""


class SqliteStore:
    """A store in one SQLite file, used by any number of threads and processes.

    Transactions are short, and wait up to 5 s for those of other processes; reads wait for none.

    Args:
        file: Where; created when missing. `None` keeps everything in memory, for this process only.

    Raises:
        StoreError: When the file cannot be opened, or is something else.
    """

    is_shared = False  # it is this machine's

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self.name = str(file or "memory")
        self.is_durable = file is not None
        self._writing = threading.Lock()
        self._reading = threading.Lock() if file else self._writing
        try:
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                # For this user only; SQLite gives its other files the same mode.
                os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
            self._writer = self._connect()
            # A write that waits for another process must not delay reads.
            self._reader = self._connect() if file else self._writer
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from None
        for connection in (self._writer, self._reader):
            weakref.finalize(self, connection.close)
        try:
            self._prepare()
        except sqlite3.Error as error:
            self.close()
            raise self._unusable(error) from None

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction, as `Store.write` says."""
        with self._writing, self._errors():
            # IMMEDIATE: takes the write lock here, where waiting is safe, instead of half-way.
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """The rows of a query, as `Store.read` says."""
        with self._reading, self._errors(), closing(self._reader.cursor()) as cursor:
            cursor.row_factory = sqlite3.Row
            return [dict(row) for row in cursor.execute(query, parameters)]

    def close(self) -> None:
        """Close the file."""
        with self._writing:
            self._writer.close()
        with self._reading:
            self._reader.close()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._file or ":memory:",
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )

    def _prepare(self) -> None:
        with self._writing:
            run = self._writer.execute
            if self._file:
                # Readers and one writer do not block each other; FULL: a commit survives a power
                # failure.
                run("PRAGMA journal_mode = WAL")
                run("PRAGMA synchronous = FULL")
            run("BEGIN IMMEDIATE")
            (layout,) = run("PRAGMA user_version").fetchone()
            if layout in _BEFORE:
                for statement in _statements(_BEFORE[layout] + _TABLES):
                    run(statement)
                run(f"PRAGMA user_version = {_LAYOUT}")
            run("COMMIT")
            if layout not in (*_BEFORE, _LAYOUT):
                raise sqlite3.DatabaseError(f"its layout {layout} is not known to this version")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise  # about the content: for the caller to handle
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(
            f"The rollout's store {self.name} cannot be used: {error}. Repair it, or choose "
            "another file with DETECTLAB_ROLLOUT_FILE."
        )


def utc(seconds: float) -> str:
    """A time of the store, in seconds since 1970, as text."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _statements(script: str) -> Iterator[str]:
    # `executescript` would commit before it begins.
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
