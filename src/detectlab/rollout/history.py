"""The history of the plan: who changed it, when, from what to what, and why. Append-only."""

import json
import time
from dataclasses import dataclass
from typing import Any

from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.store import Row, Store, StoreError, utc

_MAX_EXPERIMENT = 1000
# Limits that guard rails had before they judged by evidence.
_NO_LONGER_READ = ("window_s", "min_bad")
_UNREADABLE = "a plan of another version of detectlab"


class PlanChanged(RuntimeError):
    """The plan was changed meanwhile.

    Attributes:
        revision: The revision in force.
    """

    def __init__(self, revision: int) -> None:
        super().__init__(
            f"The plan was changed meanwhile: it is at revision {revision} now. Read it again, and "
            "decide anew."
        )
        self.revision = revision


@dataclass(frozen=True)
class HistoryEntry:
    """One change of the plan.

    Attributes:
        revision: Its number: 1, 2, 3...
        at: When, in seconds since 1970.
        who: The operator.
        action: `put`, `promote`, `rollback`, `release` or `ramp`.
        why: The reason, or an empty string.
        plan: The plan since then; `None` when this version cannot read it.
        before: The plan before, in a few words; empty for the first.
    """

    revision: int
    at: float
    who: str
    action: str
    why: str
    plan: RolloutPlan | None
    before: str = ""

    @property
    def summary(self) -> str:
        """The plan in a few words."""
        return self.plan.summary if self.plan else _UNREADABLE

    def describe(self) -> dict[str, Any]:
        """The entry as JSON."""
        return {
            "revision": self.revision,
            "at": utc(self.at),
            "who": self.who,
            "action": self.action,
            "from": self.before,
            "to": self.summary,
            "why": self.why,
        }


@dataclass(frozen=True)
class PlanRevision:
    """The plan in force.

    Attributes:
        number: The revision; 0 for the default plan.
        at: When it came into force, in seconds since 1970.
        plan: The plan.
    """

    number: int
    at: float
    plan: RolloutPlan


class History:
    """The changes of the plan in a store; the last one is in force.

    Args:
        store: Holds them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def last(self) -> PlanRevision | None:
        """The plan in force, or `None` when none was ever set.

        Raises:
            StoreError: When it cannot be read.
        """
        entries = self.entries(1)
        if not entries:
            return None
        (entry,) = entries
        if entry.plan is None:
            raise StoreError(
                f"Revision {entry.revision} in {self._store.name} is no plan that this version "
                "reads. Choose another file with DETECTLAB_ROLLOUT_FILE."
            )
        return PlanRevision(entry.revision, entry.at, entry.plan)

    def last_revision(self) -> int:
        """The revision in force; 0 when none was ever set."""
        rows = self._store.read("SELECT coalesce(max(revision), 0) AS revision FROM history")
        return int(rows[0]["revision"])

    def entries(self, limit: int = 100) -> list[HistoryEntry]:
        """The last changes, the newest first."""
        rows = self._store.read(
            "SELECT * FROM history ORDER BY revision DESC LIMIT ?", (limit + 1,)
        )
        plans = [_plan(row) for row in rows]
        summaries = [plan.summary if plan else _UNREADABLE for plan in plans]
        return [
            HistoryEntry(**{**row, "plan": plan}, before=before)
            for row, plan, before in zip(rows, plans, [*summaries[1:], ""], strict=False)
        ][:limit]

    def experiment_start(self, revision: PlanRevision) -> int:
        """The first revision, without a gap, with the versions of this one."""
        start = revision.number
        for entry in self.entries(_MAX_EXPERIMENT):
            if entry.revision > start:
                continue
            if entry.plan is None or entry.plan.versions != revision.plan.versions:
                break
            start = entry.revision
        return start

    def append(
        self, plan: RolloutPlan, *, replaces: int, who: str, action: str, why: str = ""
    ) -> PlanRevision:
        """Put a plan in force.

        Args:
            plan: The plan.
            replaces: The revision that it replaces.
            who: The operator.
            action: As in `HistoryEntry`.
            why: The reason.

        Raises:
            PlanChanged: When another revision is in force.
            StoreError: When it cannot be written; the old plan stays in force.
        """
        now = time.time()
        with self._store.write() as transaction:
            # One statement: no other process can write between the check and the insertion.
            written = transaction.execute(
                "INSERT INTO history SELECT ?, ?, ?, ?, ?, ? "
                "WHERE ? = (SELECT coalesce(max(revision), 0) FROM history)",
                (replaces + 1, now, who, action, why, plan.model_dump_json(), replaces),
            )
        if not written.rowcount:
            raise PlanChanged(self.last_revision())
        return PlanRevision(replaces + 1, now, plan)


def _plan(row: Row) -> RolloutPlan | None:
    try:
        content = json.loads(row["plan"])
        for name in _NO_LONGER_READ:
            content.get("guard_rails", {}).pop(name, None)
        return RolloutPlan.model_validate(content)
    except (ValueError, AttributeError):
        return None
