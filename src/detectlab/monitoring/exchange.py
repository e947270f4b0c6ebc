"""What the gateways of a cluster tell each other: their recent statistics, and the baselines.

Each gateway writes its own row into a store that all of them reach, and reads the others'. A row
that is not renewed is left out, so nothing need be told when a gateway ends.
"""

import json
import logging
import threading
import uuid
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from detectlab.monitoring.baseline import Baseline, BaselineStore
from detectlab.monitoring.recent import RecentStatistics

logger = logging.getLogger(__name__)

_PERIOD_S = 5.0
_STALE_S = 30.0
_TABLES = (
    "CREATE TABLE IF NOT EXISTS monitoring_gateways "
    "(gateway TEXT PRIMARY KEY, at REAL, state BLOB)",
    "CREATE TABLE IF NOT EXISTS monitoring_baselines "
    "(model TEXT PRIMARY KEY, version INTEGER, baseline TEXT)",
)
# The clock of the store's own machine: those of the gateways may differ.
_NOW = "((julianday('now') - 2440587.5) * 86400)"


class BaselineNotShared(OSError):
    """A baseline cannot be told to the other gateways."""


class Rows(Protocol):
    """A store of rows, as `rollout.store.Store`; its errors are `OSError`."""

    def write(self) -> AbstractContextManager[Any]:
        """A transaction."""

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of a query.

        Args:
            query: In SQL.
            parameters: The values of its placeholders.
        """


class OtherWatch(NamedTuple):
    """The watch of another gateway.

    Attributes:
        recent: Its recent statistics.
        evidence: Its evidence of drift.
        alarm: Its alarm as JSON, or `None`.
    """

    recent: RecentStatistics
    evidence: float
    alarm: dict[str, Any] | None


class Exchange:
    """Exchanges statistics and baselines with other gateways, in a thread of its own.

    Args:
        rows: The store that all gateways reach.

    Attributes:
        watches: Those of the other gateways, at most a few seconds old.
        alarms: Theirs, as JSON.
    """

    def __init__(self, rows: Rows) -> None:
        self.watches: list[OtherWatch] = []
        self.alarms: list[dict[str, Any]] = []
        self._rows = rows
        self._gateway = uuid.uuid4().hex
        self._versions: dict[str, int] = {}
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self, state: Callable[[], dict[str, Any]], baselines: BaselineStore) -> None:
        """Start exchanging.

        Args:
            state: Gives what this gateway tells: `watches` and `alarms`.
            baselines: This gateway's own.
        """
        self._end.clear()
        self._thread = threading.Thread(
            target=self._work, args=(state, baselines), name="monitoring-exchange", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop exchanging."""
        self._end.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def offer(self, baseline: Baseline) -> None:
        """Put a baseline in force at all gateways.

        Raises:
            BaselineNotShared: The store cannot be written.
        """
        try:
            self._write(
                "INSERT INTO monitoring_baselines VALUES (?, 1, ?) ON CONFLICT (model) "
                "DO UPDATE SET version = version + 1, baseline = excluded.baseline",
                (baseline.model, json.dumps(baseline.as_json())),
            )
        except OSError as error:
            raise BaselineNotShared(str(error)) from error

    def exchange(self, state: dict[str, Any], baselines: BaselineStore) -> None:
        """Tell the others, and learn from them, once.

        Args:
            state: What this gateway tells.
            baselines: This gateway's own.

        Raises:
            OSError: The store cannot be reached.
        """
        packed = zlib.compress(json.dumps(state).encode())
        self._write(
            f"INSERT OR REPLACE INTO monitoring_gateways VALUES (?, {_NOW}, ?)",
            (self._gateway, packed),
        )
        states = [json.loads(zlib.decompress(row["state"])) for row in self._others()]
        self.watches = [watch for other in states for watch in _watches(other)]
        self.alarms = [alarm for other in states for alarm in other["alarms"]]
        self._follow_baselines(baselines)

    def _work(self, state: Callable[[], dict[str, Any]], baselines: BaselineStore) -> None:
        is_failing = False
        while True:
            try:
                self.exchange(state(), baselines)
                is_failing = False
            except Exception as error:  # the next exchange tries again
                if not is_failing:
                    logger.warning("Monitoring cannot be exchanged with other gateways: %s", error)
                is_failing = True
            if self._end.wait(_PERIOD_S):
                return

    def _others(self) -> list[dict[str, Any]]:
        return self._rows.read(
            "SELECT state FROM monitoring_gateways "
            f"WHERE gateway <> ? AND at > {_NOW} - {_STALE_S} ORDER BY gateway",
            (self._gateway,),
        )

    def _follow_baselines(self, baselines: BaselineStore) -> None:
        """Offer own baselines that no gateway has put in force, and take over all others."""
        rows = self._rows.read("SELECT model, version FROM monitoring_baselines")
        shared = {row["model"]: row["version"] for row in rows}
        for model in set(baselines.models()) - shared.keys():
            if own := baselines.load(model):
                self._write(
                    "INSERT OR IGNORE INTO monitoring_baselines VALUES (?, 1, ?)",
                    (model, json.dumps(own.as_json())),
                )
        for model, version in shared.items():
            if version != self._versions.get(model):
                query = "SELECT baseline FROM monitoring_baselines WHERE model = ?"
                (row,) = self._rows.read(query, (model,))
                baselines.follow(Baseline.of_json(json.loads(row["baseline"])))
                self._versions[model] = version

    def _write(self, statement: str, parameters: Sequence[Any]) -> None:
        with self._rows.write() as transaction:
            for table in _TABLES:
                transaction.execute(table)
            transaction.execute(f"DELETE FROM monitoring_gateways WHERE at < {_NOW} - {_STALE_S}")
            transaction.execute(statement, parameters)


def _watches(state: dict[str, Any]) -> list[OtherWatch]:
    """The watches of another gateway; none while it runs another version."""
    try:
        return [
            OtherWatch(RecentStatistics.of_json(one["recent"]), one["evidence"], one["alarm"])
            for one in state["watches"]
        ]
    except (ValueError, KeyError, TypeError):
        return []
