"""The rollout's store for gateways on several machines: one process holds it for all of them.

The gateway's `user_config` has a plan as well, but only the first one: Ray Serve replaces the whole
configuration with the last one sent, so one operator could overwrite another's plan unnoticed. In
this store, as on one machine, a change names the revision that it replaces.
"""

import sqlite3
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

from detectlab.rollout.history import History, PlanChanged
from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.store import Store
from detectlab.settings import Settings

SETTINGS = "the cluster's settings"

Row = dict[str, Any]
Statement = tuple[str, Any]


class StoreHolder:
    """Holds the store, in a process of its own that runs one call at a time.

    Args:
        file: SQLite file; by default `rollout_file` of the settings, else one in their home.
    """

    def __init__(self, file: Path | None = None) -> None:
        settings = Settings()
        default = settings.rollout_file or settings.home / "cluster" / "rollout.sqlite"
        self._store = Store(file or default)

    def read(self, query: str, parameters: Sequence[Any]) -> list[Row]:
        """Rows of a query."""
        return [dict(row) for row in self._store.read(query, parameters)]

    def write(self, statements: Sequence[Statement]) -> list[int]:
        """Run one transaction; returns the number of rows that each statement changed."""
        with self._store.write() as connection:
            return [connection.execute(*statement).rowcount for statement in statements]


class Holder(Protocol):
    """Client of the cluster's `StoreHolder`.

    The methods are the holder's; they also raise `StoreError` when it cannot be reached.
    """

    def read(self, query: str, parameters: Sequence[Any]) -> list[Row]:
        """Call `StoreHolder.read`."""

    def write(self, statements: Sequence[Statement]) -> list[int]:
        """Call `StoreHolder.write`."""


class SharedStore(Store):
    """Store that another process holds.

    Args:
        holder: Client of that process.
    """

    def __init__(self, holder: Holder) -> None:
        self.file = None
        self._holder = holder

    @property
    def is_durable(self) -> bool:
        """True: it outlives this process."""
        return True

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: its statements run at the end of the block, all or none."""
        batch = _Batch()
        yield cast("sqlite3.Connection", batch)
        for written, count in zip(batch.written, self._holder.write(batch.statements), strict=True):
            written.rowcount = count

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Rows of a query."""
        return cast("list[sqlite3.Row]", self._holder.read(query, tuple(parameters)))

    def close(self) -> None:
        """Do nothing: other gateways use the store."""


class _Batch:
    """Collects statements, in place of a connection."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.written: list[_Written] = []

    def execute(self, statement: str, parameters: Any = ()) -> "_Written":
        self.statements.append((statement, parameters))
        self.written.append(_Written())
        return self.written[-1]


class _Written:
    """Number of rows that a statement changed, known after the transaction."""

    rowcount = -1


def offer(store: Store, plan: RolloutPlan) -> None:
    """Activate the plan of the cluster's settings, unless it was activated before.

    Each gateway replica calls this when it starts, and must not undo an operator's later changes:
    so the settings' plan counts only when it differs from the settings' previous one.

    Args:
        store: The rollout's store.
        plan: The plan of the settings.

    Raises:
        StoreError: The store cannot be reached or written.
    """
    history = History(store)
    while True:
        entries = history.entries(1000)
        said = [entry.plan for entry in entries if entry.who == SETTINGS]
        if said[:1] == [plan]:
            return
        try:
            history.append(
                plan, entries[0].revision if entries else 0, SETTINGS, "put", "as deployed"
            )
        except PlanChanged:
            continue  # another replica was faster
        return


def check_plan(store: Store, detectors: Container[str]) -> None:
    """Check that the active plan's detectors are deployed.

    Args:
        store: The rollout's store.
        detectors: Names of the deployed detectors.

    Raises:
        ValueError: A detector is missing; the previous gateway then keeps running.
        StoreError: The store cannot be reached or read.
    """
    entry = History(store).last()
    if entry is None:
        return
    candidate = entry.plan.candidate if entry.plan.mode != "stable" else None
    for side in filter(None, (entry.plan.stable, candidate)):
        if side.model not in detectors:
            raise ValueError(
                f"The rollout plan in force names the detector `{side.model}`. Keep it among the "
                "cluster's `detectors` until a plan without it is in force."
            )
