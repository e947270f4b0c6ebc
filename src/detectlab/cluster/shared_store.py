"""The rollout's store for gateways on several machines: one process holds it for all of them.

The gateway's `user_config` has a plan as well, but only the first one: Ray Serve replaces the whole
configuration with the last one sent, so one operator could overwrite another's plan unnoticed. In
this store, as on one machine, a change names the revision that it replaces.
"""

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from detectlab.rollout.history import History, PlanChanged
from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.store import Row, SqliteStore, Store
from detectlab.settings import Settings

SETTINGS = "the cluster's settings"

Statement = tuple[str, Any]


class StoreHolder:
    """Holds the store, in a process of its own that runs one call at a time.

    Args:
        file: SQLite file; by default `rollout_file` of the settings, else one in their home.
    """

    def __init__(self, file: Path | None = None) -> None:
        settings = Settings()
        default = settings.rollout_file or settings.home / "cluster" / "rollout.sqlite"
        self._store = SqliteStore(file or default)

    def read(self, query: str, parameters: Sequence[Any]) -> list[Row]:
        """Rows of a query, as `Store.read` gives them."""
        return self._store.read(query, parameters)

    def write(self, statements: Sequence[Statement]) -> list[int]:
        """Run one transaction; returns the number of rows that each statement changed."""
        with self._store.write() as transaction:
            return [transaction.execute(*statement).rowcount for statement in statements]


class Holder(Protocol):
    """Client of the cluster's `StoreHolder`.

    The methods are the holder's; they also raise `StoreError` when it cannot be reached.
    """

    def read(self, query: str, parameters: Sequence[Any]) -> list[Row]:
        """Rows of a query; see `StoreHolder.read`."""

    def write(self, statements: Sequence[Statement]) -> list[int]:
        """Call `StoreHolder.write`."""


class SharedStore:
    """Store that another process holds.

    Args:
        holder: Client of that process.
    """

    name = "of the cluster"
    is_durable = True
    is_shared = True

    def __init__(self, holder: Holder) -> None:
        self._holder = holder

    @contextmanager
    def write(self) -> Iterator["_Batch"]:
        """A transaction: its statements run at the end of the block, all or none."""
        batch = _Batch()
        yield batch
        for written, count in zip(batch.written, self._holder.write(batch.statements), strict=True):
            written.rowcount = count

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Rows of a query, as `Store.read` gives them."""
        return self._holder.read(query, tuple(parameters))

    def close(self) -> None:
        """Do nothing: other gateways use the store."""


class _Batch:
    """Collects the statements of a transaction."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.written: list[_Written] = []

    def execute(self, statement: str, parameters: Any = (), /) -> "_Written":
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
                plan,
                replaces=entries[0].revision if entries else 0,
                who=SETTINGS,
                action="put",
                why="as deployed",
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
    revision = History(store).last()
    if revision is None:
        return
    plan = revision.plan
    candidate = plan.candidate if plan.mode != "stable" else None
    for version in filter(None, (plan.stable, candidate)):
        if version.model not in detectors:
            raise ValueError(
                f"The rollout plan in force names the detector `{version.model}`. Keep it among "
                "the cluster's `detectors` until a plan without it is in force."
            )
