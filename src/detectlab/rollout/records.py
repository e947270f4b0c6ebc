"""Records of answers and comparisons, written to the store by a thread of their own."""

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from queue import Empty, Full, Queue
from typing import Any

from detectlab.rollout.detection_diff import DetectionDiff, diff_detections
from detectlab.rollout.detections_json import to_json
from detectlab.rollout.store import Row, Store, StoreError, Transaction
from detectlab.vision.detections import Detections

logger = logging.getLogger(__name__)

_MAX_WAITING = 500
_MAX_BATCH = 100
_KEEP_ANSWERS = 10_000


@dataclass(frozen=True)
class AnswerRecord:
    """One picture that a version answered, or failed to answer.

    Attributes:
        request_id: The request.
        number: Which picture of the request, from 0.
        revision: The plan in force.
        role: `stable`, `candidate`, or `shadow` for a failure there.
        model: The version's label.
        detections: The objects; `None` for a failure.
        seconds: Time that the detector took.
        size_wh: Width and height of the picture in pixels.
        error: What failed.
        client: Key of the client; not written.
        has_own_thresholds: Whether the client chose a threshold; not written.
    """

    request_id: str
    number: int
    revision: int
    role: str
    model: str
    detections: Detections | None = None
    seconds: float | None = None
    size_wh: tuple[int | None, int | None] = (None, None)
    error: str | None = None
    client: str = ""
    has_own_thresholds: bool = False

    def row(self) -> Row:
        """The record as a row of the table `answers`."""
        width, height = self.size_wh
        return {
            "at": time.time(),
            "request_id": self.request_id,
            "number": self.number,
            "revision": self.revision,
            "role": self.role,
            "model": self.model,
            "seconds": self.seconds,
            "error": self.error,
            "detections": to_json(self.detections) if self.detections is not None else None,
            "width": width,
            "height": height,
        }


@dataclass(frozen=True)
class ComparisonRecord:
    """An answer compared with its baseline.

    Attributes:
        answer: The candidate's answer, or the one that a person judged.
        baseline: `stable` or `person`.
        baseline_detections: The objects of the baseline.
        baseline_s: Time that the stable version took.
        picture: The picture as a small JPEG; only of a disagreement, where the plan keeps it.
    """

    answer: AnswerRecord
    baseline: str
    baseline_detections: Detections
    baseline_s: float | None = None
    picture: bytes | None = None

    @cached_property
    def diff(self) -> DetectionDiff:
        """How the answer differs from the baseline."""
        assert self.answer.detections is not None
        return diff_detections(self.baseline_detections, self.answer.detections)

    def row(self) -> Row:
        """The record as a row of the table `comparisons`."""
        answer = self.answer.row()
        del answer["role"], answer["error"]
        return {
            **answer,
            **asdict(self.diff),
            "agreement": self.diff.agreement,
            "baseline": self.baseline,
            "baseline_detections": to_json(self.baseline_detections),
            "baseline_s": self.baseline_s,
            "picture": self.picture,
        }


Record = AnswerRecord | ComparisonRecord


def insert(transaction: Transaction, record: Record) -> None:
    """Write a record to its table.

    Args:
        transaction: Of the store.
        record: The record.
    """
    table = "answers" if isinstance(record, AnswerRecord) else "comparisons"
    row = record.row()
    names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    transaction.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)


class RecordLog:
    """Writes records to a store, many in one transaction, and bounds the tables.

    Args:
        store: Where.
        on_lost: Called for each record that could not be written.
    """

    def __init__(self, store: Store, on_lost: Callable[[], None] = lambda: None) -> None:
        self.keep_pairs = 10_000
        self.keep_pictures = 0
        self._store = store
        self._on_lost = on_lost
        self._queue: Queue[Record | threading.Event | None] = Queue(_MAX_WAITING)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_failing = False

    def add(self, record: Record) -> None:
        """Queue a record for writing; returns at once and never fails."""
        self._start()
        try:
            self._queue.put_nowait(record)
        except Full:
            self._on_lost()

    def flush(self, seconds: float) -> None:
        """Wait until the records added before are written, at most `seconds`."""
        written = threading.Event()
        with contextlib.suppress(Full):
            self._start()
            self._queue.put(written, timeout=seconds)
            written.wait(seconds)

    def close(self, seconds: float) -> None:
        """Write the queued records, within `seconds`, and stop."""
        with self._starting:
            thread, self._thread = self._thread, None
        if thread:
            with contextlib.suppress(Full):
                self._queue.put(None, timeout=seconds)
                thread.join(seconds)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="rollout-records", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            batch: list[Any] = [self._queue.get()]
            while batch[-1] is not None and len(batch) < _MAX_BATCH:
                try:
                    batch.append(self._queue.get_nowait())
                except Empty:
                    break
            self._write([one for one in batch if isinstance(one, AnswerRecord | ComparisonRecord)])
            for event in batch:
                if isinstance(event, threading.Event):
                    event.set()
            if batch[-1] is None:
                return

    def _write(self, records: list[Record]) -> None:
        if not records:
            return
        try:
            with self._store.write() as transaction:
                for record in records:
                    insert(transaction, record)
                self._delete_oldest(transaction)
            self._is_failing = False
        except (StoreError, sqlite3.Error) as error:
            for _ in records:
                self._on_lost()
            if not self._is_failing:  # logged once, not for every answer
                logger.error("Answers cannot be recorded: %s", error)
            self._is_failing = True

    def _delete_oldest(self, transaction: Transaction) -> None:
        """Bound the tables: by number, which needs no scan."""
        for table, keep in (("answers", _KEEP_ANSWERS), ("comparisons", self.keep_pairs)):
            transaction.execute(
                f"DELETE FROM {table} WHERE id <= (SELECT max(id) FROM {table}) - ?", (keep,)
            )
        transaction.execute(
            "UPDATE comparisons SET picture = NULL WHERE picture IS NOT NULL AND id NOT IN "
            "(SELECT id FROM comparisons WHERE picture IS NOT NULL ORDER BY id DESC LIMIT ?)",
            (self.keep_pictures,),
        )
