"""Every change of the plan: who, when, from what, to what, and why. Nothing is ever taken back."""

import sqlite3
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.store import Store, StoreError


class PlanChanged(RuntimeError):
    """Somebody else changed the plan first.

    Attributes:
        revision: The revision that is in force now.
    """

    def __init__(self, revision: int) -> None:
        super().__init__(
            f"The plan was changed meanwhile: it is at revision {revision} now. Read it again, and "
            "decide anew."
        )
        self.revision = revision


@dataclass(frozen=True)
class Entry:
    """One change.

    Attributes:
        revision: Its number: 1, 2, 3...
        at: When, in seconds since 1970.
        who: Who made it.
        action: What was done: `put`, `promote`, `rollback`, `release`, `ramp`.
        why: The reason, where one was given.
        plan: The plan from then on.
        before: The plan until then in a few words; empty for the first.
    """

    revision: int
    at: float
    who: str
    action: str
    why: str
    plan: RolloutPlan
    before: str = ""

    def describe(self) -> dict[str, Any]:
        """The entry for people and programs."""
        return {
            "revision": self.revision,
            "at": datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds"),
            "who": self.who,
            "action": self.action,
            "from": self.before,
            "to": self.plan.summary,
            "why": self.why,
        }


class History:
    """The changes of the plan in a store; the last one is in force.

    Args:
        store: Where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def last(self) -> Entry | None:
        """The change in force, or `None` when there never was one."""
        entries = self.entries(1)
        return entries[0] if entries else None

    def last_revision(self) -> int:
        """Its number; 0 when there never was one."""
        rows = self._store.read("SELECT coalesce(max(revision), 0) AS revision FROM history")
        return int(rows[0]["revision"])

    def entries(self, limit: int = 100) -> list[Entry]:
        """The last changes, the newest first."""
        rows = self._store.read(
            "SELECT * FROM history ORDER BY revision DESC LIMIT ?", (limit + 1,)
        )
        plans = [self._plan(row) for row in rows]
        befores = [plan.summary for plan in plans[1:]] + [""] * bool(plans)
        return [
            Entry(row["revision"], row["at"], row["who"], row["action"], row["why"], plan, before)
            for row, plan, before in zip(rows, plans, befores, strict=True)
        ][:limit]

    def append(self, plan: RolloutPlan, expected: int, who: str, action: str, why: str) -> Entry:
        """Put a plan in force.

        Args:
            plan: The plan.
            expected: The revision that it replaces.
            who: Who does it.
            action: What is done.
            why: The reason.

        Raises:
            PlanChanged: When another revision is in force.
            StoreError: When it cannot be saved; the old plan stays in force.
        """
        now = time.time()
        with self._store.write() as connection:
            # One statement, so nobody comes between looking and writing.
            written = connection.execute(
                "INSERT INTO history SELECT ?, ?, ?, ?, ?, ? "
                "WHERE ? = (SELECT coalesce(max(revision), 0) FROM history)",
                (expected + 1, now, who, action, why, plan.model_dump_json(), expected),
            )
        if not written.rowcount:
            raise PlanChanged(self.last_revision())
        return Entry(expected + 1, now, who, action, why, plan)

    def _plan(self, row: sqlite3.Row) -> RolloutPlan:
        try:
            return RolloutPlan.model_validate_json(row["plan"])
        except ValidationError:
            raise StoreError(
                f"Revision {row['revision']} in {self._store.file} is no plan that this version "
                "reads. Choose another file with DETECTLAB_ROLLOUT_FILE."
            ) from None
