"""What stands behind a plan: lanes for its sides, and the shadow."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

from detectlab.rollout.guard_rails import Watch
from detectlab.rollout.history import Entry
from detectlab.rollout.lanes import Lane, check_side, given_load, load_side
from detectlab.rollout.plan import RolloutPlan, Side, SideName
from detectlab.rollout.shadow import Lost, Pair, Shadow
from detectlab.rollout.shadow_runners import ProcessRunner, Runner, ThreadRunner
from detectlab.serving.deadline import Deadline
from detectlab.serving.pool import Pool
from detectlab.settings import Settings

_LOAD_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class State:
    """A plan in force, and what answers for it; replaced as a whole, never changed.

    Attributes:
        revision: Of the plan; 0 for the default one.
        plan: The plan.
        since: When it came into force, in seconds since 1970.
        lanes: Those of the sides that may have to answer.
        shadow: Compares, where the plan wants it.
        watch: What both sides did under this plan.
    """

    revision: int
    plan: RolloutPlan
    since: float
    lanes: Mapping[SideName, Lane]
    shadow: Shadow | None
    watch: Watch


class Stage:
    """Makes lanes and shadows, keeps those that the next plan needs too, and closes the others.

    Its methods belong to one event loop.

    Args:
        pool: Runs the plain stable side, and knows the detectors.
        settings: Workers for each further side.
        on_pair: Called with each comparison.
        on_lost: Called for each answer that is not compared.
        latencies: When the default detector answered without a plan, and its seconds.
    """

    def __init__(
        self,
        pool: Pool,
        settings: Settings,
        on_pair: Callable[[Pair], None],
        on_lost: Callable[[Lost, str], None],
        latencies: Iterable[tuple[float, float]] = (),
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._on_pair = on_pair
        self._on_lost = on_lost
        self._latencies = latencies
        self._lanes: dict[Side, Lane] = {}

    def check(self, plan: RolloutPlan) -> None:
        """Raise `UnusableSide` when this server cannot run a side of a plan."""
        for side in (plan.stable, plan.candidate):
            if side:
                check_side(side, self._pool)

    @asynccontextmanager
    async def prepared(self, plan: RolloutPlan, answering_only: bool) -> AsyncIterator[None]:
        """Have the detectors of a plan loaded and warm, and kept until the end of the block.

        Args:
            plan: The plan.
            answering_only: Whether a side that answers nothing may stay cold.

        Raises:
            Unavailable: When one cannot be loaded.
            DeadlinePassed: When that takes too long.
        """
        with ExitStack() as held:
            for name, side in _sides(plan).items():
                lane = self._lane(side, name)
                held.enter_context(lane.hold())
                if name in _answering(plan) or not answering_only:
                    await lane.warm(self._settings.workers, Deadline(_LOAD_TIMEOUT_S))
            yield

    def enter(self, entry: Entry, old: State | None) -> State:
        """The state of a plan that comes into force, in the place of an old one."""
        plan = entry.plan
        lanes = {name: self._lane(side, name) for name, side in _sides(plan).items()}
        for side, lane in list(self._lanes.items()):
            if lane not in lanes.values():
                # Not used again, even for the same side: something may hang in there.
                del self._lanes[side]
                lane.retire()
        plain = (lane for lane in lanes.values() if not lane.is_own)
        self._pool.keep(lane.detector_name for lane in plain)
        return State(
            entry.revision, plan, entry.at, lanes, self._shadow(plan, old), self._watch(plan, old)
        )

    def close(self, state: State) -> None:
        """Let go of everything."""
        if state.shadow:
            state.shadow.close()
        for lane in self._lanes.values():
            lane.retire()
        self._lanes.clear()

    def _lane(self, side: Side, name: SideName) -> Lane:
        if side not in self._lanes:
            if name == "stable" and side.is_plain:
                self._lanes[side] = Lane.within(self._pool, side)
            else:
                self._lanes[side] = Lane.beside(self._pool, side, self._settings)
        return self._lanes[side]

    def _shadow(self, plan: RolloutPlan, old: State | None) -> Shadow | None:
        if old and old.shadow:
            unchanged = (old.plan.candidate, old.plan.shadow) == (plan.candidate, plan.shadow)
            if plan.compares and unchanged:
                return old.shadow
            old.shadow.close()
        if not plan.compares or plan.candidate is None:
            return None
        runner = self._runner(plan.candidate, plan)
        return Shadow(runner, plan.shadow, self._on_pair, self._on_lost)

    def _watch(self, plan: RolloutPlan, old: State | None) -> Watch:
        """What is known already, as far as it holds under the new plan."""
        if old is None or old.plan.stable != plan.stable:
            return Watch()
        if not old.revision:
            return Watch(latencies=self._latencies)
        if old.plan.candidate == plan.candidate and old.plan.mode == plan.mode == "canary":
            return old.watch  # a step up: what was seen on the step before counts
        return Watch(old.watch)

    def _runner(self, side: Side, plan: RolloutPlan) -> Runner:
        load = given_load(self._pool)
        if load:
            return ThreadRunner(lambda: load_side(side, load))
        return ProcessRunner(side, plan.shadow)


def _sides(plan: RolloutPlan) -> dict[SideName, Side]:
    """The sides that need a lane."""
    sides: dict[SideName, Side] = {"stable": plan.stable}
    if plan.candidate and plan.mode in ("canary", "blue_green"):
        sides["candidate"] = plan.candidate
    return sides


def _answering(plan: RolloutPlan) -> set[SideName]:
    """The sides that answer something."""
    if plan.mode == "canary":
        return {"stable", "candidate"}
    return {"candidate"} if plan.live == "green" else {"stable"}
