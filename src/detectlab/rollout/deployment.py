"""The deployment of a plan: its running versions, its shadow, and the guard of its candidate."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

from detectlab.rollout.guard import Guard, StableLatency
from detectlab.rollout.history import PlanRevision
from detectlab.rollout.plan import Role, RolloutPlan, Version
from detectlab.rollout.process_runner import ProcessRunner, try_version
from detectlab.rollout.rails.base import RailStatus
from detectlab.rollout.records import ComparisonRecord
from detectlab.rollout.shadow import OnLost, Shadow
from detectlab.rollout.shadow_runners import PoolRunner, Runner, ThreadRunner
from detectlab.rollout.versions import RunningVersion, check_version, load_version
from detectlab.serving.deadline import Deadline
from detectlab.serving.pool import Pool
from detectlab.settings import Settings

_LOAD_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class ActivePlan:
    """A plan in force, and what runs for it; replaced as a whole, never changed.

    Attributes:
        revision: Of the plan; 0 for the default one.
        plan: The plan.
        since: When it came into force, in seconds since 1970.
        versions: Those that may have to answer.
        shadow: Compares, where the plan wants it.
        guard: Judges the candidate.
        experiment: The first revision with this stable version and this candidate.
    """

    revision: int
    plan: RolloutPlan
    since: float
    versions: Mapping[Role, RunningVersion]
    shadow: Shadow | None
    guard: Guard
    experiment: int

    def rail_statuses(self) -> list[RailStatus]:
        """The verdicts of the guard rails; none without a rollout."""
        return self.guard.statuses() if self.plan.mode != "stable" else []


class Deployment:
    """Starts versions and shadows, keeps those that the next plan needs too, and closes the others.

    Its methods must run on one event loop.

    Args:
        pool: Runs the plain stable version, and knows the detectors.
        settings: Workers for each further version.
        on_comparison: Called with each comparison.
        on_lost: Called for each answer that is not compared.
        latencies: Gives the latencies of the pool's default detector before there was a plan, in
            seconds.
    """

    def __init__(
        self,
        pool: Pool,
        settings: Settings,
        *,
        on_comparison: Callable[[ComparisonRecord], None],
        on_lost: OnLost,
        latencies: Callable[[], Iterable[float]] = tuple,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._on_comparison = on_comparison
        self._on_lost = on_lost
        self._latencies = latencies
        self._running: dict[Version, RunningVersion] = {}
        self._latency: dict[Version, StableLatency] = {}

    async def check(self, plan: RolloutPlan) -> None:
        """Check the versions of a plan; a new candidate is tried in a process of its own.

        Raises:
            UnusableVersion: When this server cannot run one.
        """
        for version in (plan.stable, plan.candidate):
            if version:
                check_version(version, self._pool)
        candidate = _versions(plan).get("candidate")
        if candidate and candidate not in self._running and not self._pool.given_load:
            # An injected fault is for the guard rails.
            healthy = candidate.model_copy(update={"drill": None})
            await asyncio.to_thread(try_version, healthy, plan.shadow, self._settings.home)

    @asynccontextmanager
    async def prepared(self, plan: RolloutPlan, *, answering_only: bool) -> AsyncIterator[None]:
        """Load and warm up the versions of a plan, and keep them until the end of the block.

        Args:
            plan: The plan.
            answering_only: Whether a version that answers nothing may stay cold.

        Raises:
            Unavailable: When one cannot be loaded.
            DeadlinePassed: When that takes too long.
        """
        with ExitStack() as held:
            for role, version in _versions(plan).items():
                running = self._run(version, role)
                held.enter_context(running.hold())
                if role in _answering(plan) or not answering_only:
                    await running.warm_up(self._settings.workers, Deadline(_LOAD_TIMEOUT_S))
                if role == "stable":
                    self._latency_of(version).warm_up_s = running.warm_up_s
            yield

    def activate(
        self, revision: PlanRevision, old: ActivePlan | None, experiment: int
    ) -> ActivePlan:
        """The active plan of a revision.

        Args:
            revision: The plan that comes into force.
            old: The one that it replaces.
            experiment: As in `ActivePlan`.
        """
        plan = revision.plan
        if old and not old.revision and plan.stable == old.plan.stable:
            for seconds in self._latencies():
                self._latency_of(plan.stable).add(seconds)
        versions = {role: self._run(version, role) for role, version in _versions(plan).items()}
        for version, running in list(self._running.items()):
            if running not in versions.values():
                # Not used again, even for the same version: a worker of it may hang.
                del self._running[version]
                running.retire()
        plain = (running for running in versions.values() if not running.owns_pool)
        self._pool.keep(running.detector_name for running in plain)
        return ActivePlan(
            revision.number,
            plan,
            revision.at,
            versions,
            self._shadow(plan, versions, old),
            self._guard(plan, old),
            experiment,
        )

    def close(self, active: ActivePlan) -> None:
        """Close every version and the shadow."""
        if active.shadow:
            active.shadow.close()
        for running in self._running.values():
            running.retire()
        self._running.clear()

    def _run(self, version: Version, role: Role) -> RunningVersion:
        if version not in self._running:
            if role == "stable" and version.is_plain:
                self._running[version] = RunningVersion(version, self._pool)
            else:
                self._running[version] = RunningVersion.with_workers(
                    self._pool, version, self._settings
                )
        return self._running[version]

    def _shadow(
        self,
        plan: RolloutPlan,
        versions: Mapping[Role, RunningVersion],
        old: ActivePlan | None,
    ) -> Shadow | None:
        role = plan.shadow_role
        if old and old.shadow:
            unchanged = (plan.stable, plan.candidate, plan.shadow, role)
            if unchanged == (
                old.plan.stable,
                old.plan.candidate,
                old.plan.shadow,
                old.shadow.role,
            ):
                return old.shadow
            old.shadow.close()
        if role is None:
            return None
        runner: Runner
        if role == "stable":
            runner = PoolRunner(versions["stable"], plan.shadow.timeout_s)
        else:
            runner = self._isolated_runner(plan)
        return Shadow(
            runner,
            plan.version(role).label,
            role,
            plan.shadow,
            on_comparison=self._on_comparison,
            on_lost=self._on_lost,
        )

    def _isolated_runner(self, plan: RolloutPlan) -> Runner:
        candidate, given_load = plan.version("candidate"), self._pool.given_load
        if given_load:
            return ThreadRunner(lambda: load_version(candidate, given_load))
        return ProcessRunner(candidate, plan.shadow, self._settings.home)

    def _guard(self, plan: RolloutPlan, old: ActivePlan | None) -> Guard:
        """The guard: that of the step before on the way up, else a new one."""
        if old and old.plan.mode != "stable" and plan.candidate_share >= old.plan.candidate_share:
            unchanged = (plan.stable, plan.candidate, plan.guard_rails)
            if unchanged == (old.plan.stable, old.plan.candidate, old.plan.guard_rails):
                if _step(plan) != _step(old.plan):
                    old.guard.restart_go()
                return old.guard
        return Guard(
            plan.guard_rails,
            self._latency_of(plan.stable),
            deadline_s=self._settings.deadline_s,
            loaded=lambda: self._pool.loaded,
        )

    def _latency_of(self, version: Version) -> StableLatency:
        """The latency of a stable version, kept over the plans that have it."""
        return self._latency.setdefault(version, StableLatency())


def _versions(plan: RolloutPlan) -> dict[Role, Version]:
    """The versions that may have to answer."""
    versions: dict[Role, Version] = {"stable": plan.stable}
    if plan.candidate and plan.mode in ("canary", "blue_green"):
        versions["candidate"] = plan.candidate
    return versions


def _answering(plan: RolloutPlan) -> set[Role]:
    """The roles that answer something."""
    if plan.mode == "canary":
        return {"stable", "candidate"}
    return {"candidate"} if plan.live == "green" else {"stable"}


def _step(plan: RolloutPlan) -> tuple[str, float]:
    return plan.mode, plan.candidate_share
