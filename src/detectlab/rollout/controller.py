"""The rollout controller: holds the plan in force, and changes it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from detectlab.rollout.deployment import ActivePlan, Deployment
from detectlab.rollout.guard import check_evidence
from detectlab.rollout.history import History, HistoryEntry, PlanChanged, PlanRevision
from detectlab.rollout.metrics import RolloutMetrics
from detectlab.rollout.plan import RolloutPlan, Version
from detectlab.rollout.recorder import Recorder
from detectlab.rollout.store import Store, StoreError
from detectlab.rollout.transitions import promote, roll_back
from detectlab.serving.pool import Pool
from detectlab.serving.webhook import Webhook
from detectlab.settings import Settings

logger = logging.getLogger(__name__)

_CLOSE_S = 2.0

Transition = Callable[[RolloutPlan], RolloutPlan]


class RolloutController:
    """Holds the active plan, and changes it.

    Its methods must run on one event loop.

    Args:
        pool: Runs the plain stable version, and knows the detectors.
        store: Holds plans, answers and comparisons.
        settings: Workers for each further version.
        metrics: Counts.
        latencies: As for `Deployment`.
        on_revision: Called with each revision that comes into force.

    Raises:
        StoreError: When the plan in force cannot be read.
    """

    def __init__(
        self,
        pool: Pool,
        store: Store,
        settings: Settings,
        metrics: RolloutMetrics,
        *,
        latencies: Callable[[], Iterable[float]] = tuple,
        on_revision: Callable[[int], None] = lambda revision: None,
    ) -> None:
        self.history = History(store)
        self.store = store
        self.recorder = Recorder(store, metrics)
        self.problem: str | None = None
        self.metrics = metrics
        self._on_revision = on_revision
        self._webhook = Webhook(settings.rollout_webhook)
        self._unsaved: tuple[ActivePlan, str] | None = None
        self._deployment = Deployment(
            pool,
            settings,
            on_comparison=lambda record: self.recorder.compared(self._active, record),
            on_lost=lambda *loss: self.recorder.lost(self._active, *loss),
            latencies=latencies,
        )
        self._committing = asyncio.Lock()
        plan = RolloutPlan(stable=Version(model=pool.default))
        self._default = PlanRevision(0, time.time(), plan)
        self._is_closed = False
        self._active = self._activate(self.history.last() or self._default, None)

    @property
    def active(self) -> ActivePlan:
        """The plan in force, and what runs for it."""
        return self._active

    async def put(
        self, plan: RolloutPlan, *, replaces: int, who: str, why: str = "", action: str = "put"
    ) -> None:
        """Put a plan in force, once its versions are loaded.

        Args:
            plan: The plan.
            replaces: The revision that it replaces.
            who: The operator.
            why: The reason.
            action: For the history.

        Raises:
            PlanChanged: When another revision is in force.
            UnusableVersion: When this server cannot run a version of it.
            Unavailable: When one cannot be loaded.
            StoreError: When the plan cannot be written; the old one stays in force.
        """
        if replaces != self._active.revision:
            raise PlanChanged(self._active.revision)
        await self._deployment.check(plan)
        async with self._deployment.prepared(plan, answering_only=action == "rollback"):
            await self._commit(plan, replaces, who, action, why)

    async def apply(
        self,
        transition: Transition,
        *,
        action: str,
        who: str,
        why: str = "",
        expected: int | None = None,
        anyway: bool = False,
    ) -> None:
        """Apply a transition to the plan in force; nothing happens when it changes nothing.

        Args:
            transition: `promote`, `roll_back` or `release`.
            action: Its name in the history.
            who: The operator.
            why: The reason.
            expected: The revision that must be in force; by default any.
            anyway: Whether to promote without enough evidence.

        Raises:
            InvalidTransition: When the plan has no next step in that direction.
            NotEnoughEvidence: When a guard rail does not allow a promotion yet.
            Exception: As `put` raises.
        """
        await self.follow()
        active = self._active
        if expected not in (None, active.revision):
            raise PlanChanged(active.revision)
        plan = transition(active.plan)
        if plan == active.plan:
            return
        if transition is promote:
            why = check_evidence(active.guard, why, plan=active.plan, anyway=anyway)
        await self.put(plan, replaces=active.revision, who=who, why=why, action=action)

    async def stop_candidate(self, reason: str, who: str) -> None:
        """Roll back at once in this process, and write it to the history afterwards.

        A store that cannot be written delays the entry, not the rollback: `save_pending` writes it
        later.

        Args:
            reason: For the history.
            who: For the history.
        """
        active = self._active
        self._unsaved = active, reason
        self._active = replace(active, plan=roll_back(active.plan))
        self.metrics.share.set(0.0)
        self.problem = f"The candidate was stopped, but this is not saved yet: {reason}"
        logger.warning("Rollout: the candidate was stopped: %s", reason)
        await self.save_pending(who)

    async def save_pending(self, who: str) -> None:
        """Write a rollback to the history that was not written yet.

        Args:
            who: For the history.

        Raises:
            StoreError: When it cannot be written now either.
        """
        if self._unsaved is None:
            return
        active, reason = self._unsaved
        try:
            await self._commit(roll_back(active.plan), active.revision, who, "rollback", reason)
        except StoreError as error:
            self.problem = f"The candidate was stopped, but this could not be saved: {error}"
            raise
        except PlanChanged:
            pass  # another process was faster: follow it
        self._unsaved = None

    async def follow(self) -> None:
        """Activate the plan that another process has put in force."""
        number = await asyncio.to_thread(self.history.last_revision)
        if number <= self._active.revision:
            return
        revision = await asyncio.to_thread(self.history.last)
        assert revision is not None
        prepared = self._deployment.prepared(revision.plan, answering_only=True)
        async with prepared, self._committing:
            if revision.number > self._active.revision:
                self._active = self._activate(revision, self._active)

    async def warm_up(self) -> None:
        """Load the versions of the plan in force; raises as `put` does."""
        async with self._deployment.prepared(self._active.plan, answering_only=False):
            pass

    def open(self) -> None:
        """Start, again after a `close`."""
        if self._is_closed:
            self._is_closed = False
            self._active = self._activate(self.history.last() or self._default, None)

    def refuse(self) -> None:
        """Reject new and queued requests of versions with workers of their own."""
        for running in self._active.versions.values():
            running.refuse()

    def close(self) -> None:
        """Close the versions, and write what is pending."""
        self._is_closed = True
        self._deployment.close(self._active)
        self.recorder.log.close(_CLOSE_S)
        if self._unsaved:  # else the candidate would be back after a restart
            (active, why), self._unsaved = self._unsaved, None
            plan, replaced = roll_back(active.plan), active.revision
            with contextlib.suppress(StoreError, PlanChanged):
                self.history.append(
                    plan, replaces=replaced, who="shutdown", action="rollback", why=why
                )

    async def _commit(
        self, plan: RolloutPlan, replaces: int, who: str, action: str, why: str
    ) -> None:
        async with self._committing:
            before = self._active.plan.summary
            revision = await asyncio.to_thread(
                self.history.append, plan, replaces=replaces, who=who, action=action, why=why
            )
            # From here on every request is answered as the new plan says.
            self._active = self._activate(revision, self._active)
        entry = HistoryEntry(revision.number, revision.at, who, action, why, plan, before)
        self._webhook.send(entry.describe())
        self.metrics.changes.labels(action).inc()
        logger.info("Rollout revision %s by %s: %s. %s", revision.number, who, plan.summary, why)

    def _activate(self, revision: PlanRevision, old: ActivePlan | None) -> ActivePlan:
        experiment = revision.number
        if old is None:
            experiment = self.history.experiment_start(revision)
        elif old.revision and old.plan.versions == revision.plan.versions:
            experiment = old.experiment
        active = self._deployment.activate(revision, old, experiment)
        self.recorder.log.keep_pairs = revision.plan.shadow.keep_pairs
        self.recorder.log.keep_pictures = revision.plan.shadow.keep_pictures
        self.metrics.revision.set(revision.number)
        self.metrics.share.set(revision.plan.candidate_share)
        self.problem = None
        self._on_revision(revision.number)
        return active
