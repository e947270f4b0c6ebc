"""The rollout's store when gateways run on several machines: one holds it, the others ask.

The plan stands in the gateway's `user_config`, too, but only to begin with: Ray Serve takes the
whole configuration from whoever sends it last, so of two operators one would overwrite the other
and never know. Here a change says which revision it replaces, as on one machine, in one file that
one process writes.
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
    """Holds the store; runs in a process of its own, one call after the other.

    Args:
        file: Where; by default as the settings of this machine say, else in their home.
    """

    def __init__(self, file: Path | None = None) -> None:
        settings = Settings()
        default = settings.rollout_file or settings.home / "cluster" / "rollout.sqlite"
        self._store = Store(file or default)

    def read(self, query: str, parameters: Sequence[Any]) -> list[Row]:
        """The rows that a query gives."""
        return [dict(row) for row in self._store.read(query, parameters)]

    def write(self, statements: Sequence[Statement]) -> list[int]:
        """One transaction; gives how many rows each of its statements touched."""
        with self._store.write() as connection:
            return [connection.execute(*statement).rowcount for statement in statements]


class Holder(Protocol):
    """Passes calls on to the `StoreHolder` of the cluster.

    Its methods are the holder's; they raise `StoreError` when it cannot be reached, too.
    """

    def read(self, query: str, parameters: Sequence[Any]) -> list[Row]:
        """As `StoreHolder.read`."""

    def write(self, statements: Sequence[Statement]) -> list[int]:
        """As `StoreHolder.write`."""


class SharedStore(Store):
    """A store that another process holds.

    Args:
        holder: Reaches it.
    """

    def __init__(self, holder: Holder) -> None:
        self.file = None
        self._holder = holder

    @property
    def is_durable(self) -> bool:
        """It outlives this process, and others change it, too."""
        return True

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction; its statements are run at the end of the block, all or none."""
        batch = _Batch()
        yield cast("sqlite3.Connection", batch)
        for written, count in zip(batch.written, self._holder.write(batch.statements), strict=True):
            written.rowcount = count

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """The rows that a query gives."""
        return cast("list[sqlite3.Row]", self._holder.read(query, tuple(parameters)))

    def close(self) -> None:
        """Nothing: others use it, too."""


class _Batch:
    """Collects what is executed on it; stands in for a connection."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.written: list[_Written] = []

    def execute(self, statement: str, parameters: Any = ()) -> "_Written":
        self.statements.append((statement, parameters))
        self.written.append(_Written())
        return self.written[-1]


class _Written:
    """How many rows a statement touched: known after the transaction."""

    rowcount = -1


def offer(store: Store, plan: RolloutPlan) -> None:
    """Put the plan of the cluster's settings in force, unless it was before.

    Every gateway replica does so whenever it starts: what operators did since then must stay. So
    the settings count only when they say something else than the last time.

    Raises:
        StoreError: When the store cannot be reached or written.
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
            continue  # another replica was quicker: look again
        return


def check_plan(store: Store, detectors: Container[str]) -> None:
    """Refuse to begin without a detector that the plan in force names.

    Raises:
        ValueError: When one is missing: the gateway before this one then goes on.
        StoreError: When the store cannot be reached or read.
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
