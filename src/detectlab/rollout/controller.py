"""Who answers when a request names no detector, and every change of that."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from detectlab.rollout.deployment import Stage, State
from detectlab.rollout.history import Entry, History, PlanChanged
from detectlab.rollout.metrics import Series
from detectlab.rollout.observer import Choice, Recorder
from detectlab.rollout.plan import RolloutPlan, Side
from detectlab.rollout.shadow import Pair
from detectlab.rollout.store import Store
from detectlab.rollout.traffic_split import side_of
from detectlab.rollout.transitions import rolled_back
from detectlab.serving.pool import Pool
from detectlab.settings import Settings

logger = logging.getLogger(__name__)

_CLOSE_S = 2.0


class Router:
    """Decides who answers, and changes the plan.

    Its methods belong to one event loop.

    Args:
        pool: Runs the plain stable side, and knows the detectors.
        store: Remembers plans, answers and comparisons.
        settings: Workers for each further side.
        series: Counts.
        latencies: When the default detector answered without a plan, and its seconds: a plan's
            latency baseline begins with them.
        on_revision: Called with the revision of each plan that comes into force.

    Raises:
        StoreError: When the plan in force cannot be read.
    """

    def __init__(
        self,
        pool: Pool,
        store: Store,
        settings: Settings,
        series: Series,
        latencies: Iterable[tuple[float, float]] = (),
        on_revision: Callable[[int], None] = lambda revision: None,
    ) -> None:
        self.history = History(store)
        self.store = store
        self.recorder = Recorder(store, series)
        self.problem: str | None = None
        self._has_one_key = settings.api_key is not None
        self._series = series
        self._stage = Stage(pool, settings, self._compared, self.recorder.lost, latencies)
        self._on_revision = on_revision
        self._committing = asyncio.Lock()
        default = RolloutPlan(stable=Side(model=pool.default))
        self._default = Entry(0, time.time(), "", "", "", default)
        self._is_closed = False
        self._state = self._enter(self.history.last() or self._default, None)

    @property
    def state(self) -> State:
        """The plan in force, and what answers for it."""
        return self._state

    def key(self, headers: Mapping[str, str], request_id: str) -> str:
        """What decides the side of a request, the same for all requests of a client.

        Args:
            headers: Of the request, read without regard to case.
            request_id: Decides when none of the plan's headers is there.
        """
        for name in self._state.plan.canary.sticky_headers:
            # A key that all clients share tells nobody from anybody.
            if name.lower() == "x-api-key" and self._has_one_key:
                continue
            if value := headers.get(name):
                return f"{name.lower()}:{value}"
        return f"request:{request_id}"

    @contextmanager
    def choose(self, key: str) -> Iterator[Choice]:
        """Who answers a request with this key, and can until the end of the block."""
        state = self._state  # one look: what changes from here on is for later requests
        name = side_of(state.plan, key)
        lane = state.lanes[name]
        with lane.hold():
            yield Choice(name, lane.side, lane, state)

    async def put(
        self, plan: RolloutPlan, expected: int, who: str, why: str = "", action: str = "put"
    ) -> Entry:
        """Put a plan in force, once what it needs is loaded.

        Args:
            plan: The plan.
            expected: The revision that it replaces.
            who: Who does it.
            why: The reason.
            action: What is done, for the history.

        Raises:
            PlanChanged: When another revision is in force.
            UnusableSide: When a detector of it is not to be had here.
            Unavailable: When one cannot be loaded.
            StoreError: When the plan cannot be saved; the old one stays in force.
        """
        if expected != self._state.revision:
            raise PlanChanged(self._state.revision)
        self._stage.check(plan)
        async with self._stage.prepared(plan, answering_only=action == "rollback"):
            return await self._commit(plan, expected, who, action, why)

    async def move(
        self, change: Callable[[RolloutPlan], RolloutPlan], action: str, who: str, why: str = "",
        expected: int | None = None,
    ) -> Entry:  # fmt: skip
        """Change the plan in force, as `put` does.

        Args:
            change: `promoted`, `rolled_back` or `released`.
            action: Its name in the history.
            who: Who does it.
            why: The reason.
            expected: The revision that must be in force; by default whichever is.

        Raises:
            NoSuchMove: When the plan cannot go there.
        """
        if expected is None:
            await self.follow()
            expected = self._state.revision
        if expected != self._state.revision:
            raise PlanChanged(self._state.revision)
        return await self.put(change(self._state.plan), expected, who, why, action)

    async def follow(self) -> None:
        """Take over what another process has put in force."""
        revision = await asyncio.to_thread(self.history.last_revision)
        if revision <= self._state.revision:
            return
        entry = await asyncio.to_thread(self.history.last)
        assert entry is not None
        async with self._stage.prepared(entry.plan, answering_only=True), self._committing:
            if entry.revision > self._state.revision:
                self._state = self._enter(entry, self._state)

    async def warm(self) -> None:
        """Load what the plan in force answers with; raises as `put` does."""
        async with self._stage.prepared(self._state.plan, answering_only=False):
            pass

    def step_aside(self, reason: str) -> None:
        """Let stable answer everything in this process, though that cannot be written down."""
        state = self._state
        self._state = replace(state, plan=rolled_back(state.plan))
        self.problem = f"The candidate was stopped, but this could not be saved: {reason}"

    def open(self) -> None:
        """Begin, again after a `close`."""
        if self._is_closed:
            self._is_closed = False
            self._state = self._enter(self.history.last() or self._default, None)

    @property
    def stable_model(self) -> str:
        """The detector of the stable side."""
        return self._state.plan.stable.model

    def refuse(self) -> None:
        """Take nothing new, and send away those who wait, where a side has workers of its own."""
        for lane in self._state.lanes.values():
            lane.refuse()

    def close(self) -> None:
        """Let go of the sides, and write what waits."""
        self._is_closed = True
        self._stage.close(self._state)
        self.recorder.journal.close(_CLOSE_S)

    async def _commit(
        self, plan: RolloutPlan, expected: int, who: str, action: str, why: str
    ) -> Entry:
        async with self._committing:
            entry = await asyncio.to_thread(self.history.append, plan, expected, who, action, why)
            # From here on every request is answered as the new plan says.
            self._state = self._enter(entry, self._state)
        self._series.changes.labels(action).inc()
        logger.info("Rollout revision %s by %s: %s. %s", entry.revision, who, plan.summary, why)
        return entry

    def _enter(self, entry: Entry, old: State | None) -> State:
        state = self._stage.enter(entry, old)
        self.recorder.journal.keep_pairs = entry.plan.shadow.keep_pairs
        self.recorder.journal.keep_pictures = entry.plan.shadow.keep_pictures
        self._series.revision.set(entry.revision)
        share = entry.plan.canary.share if entry.plan.mode == "canary" else 0.0
        self._series.share.set(1.0 if entry.plan.live == "green" else share)
        self.problem = None
        self._on_revision(entry.revision)
        return state

    def _compared(self, pair: Pair) -> None:
        # In the shadow's thread; the state is replaced as a whole, so one look is enough.
        self.recorder.compared(self._state, pair)
