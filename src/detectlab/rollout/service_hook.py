"""The rollout as the service sees it: what `serving.dispatch` asks for."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import Request

from detectlab.detection.detector import Detector
from detectlab.rollout.controller import Router
from detectlab.rollout.metrics import Series
from detectlab.rollout.observer import Choice, Given, Recorder
from detectlab.rollout.plan import Side
from detectlab.rollout.reconciler import Keeper
from detectlab.rollout.shadow_runners import Task
from detectlab.rollout.store import Store
from detectlab.serving.deadline import Deadline
from detectlab.serving.pool import Pool
from detectlab.serving.prediction import Answer, Query
from detectlab.settings import Settings


@dataclass(frozen=True)
class ChosenDetector:
    """The detector that a plan chose for a request: an `Assignment`.

    Attributes:
        choice: The side that answers, and where it runs.
        request_id: Id of the request.
        recorder: Records what the detector does.
    """

    choice: Choice
    request_id: str
    recorder: Recorder

    @property
    def detector_name(self) -> str:
        """Its name in `pool`."""
        return self.choice.lane.detector_name

    @property
    def pool(self) -> Pool:
        """The pool that runs it."""
        return self.choice.lane.pool

    def adapt(self, query: Query) -> Query:
        """The query with the side's values where the client chose none."""
        return _adapted(query, self.choice.side)

    def watch(self, detector: Detector) -> Detector:
        """The detector, with its latency and errors recorded."""
        return self.recorder.watched(self.choice, detector, self.request_id)

    def record(self, answer: Answer, query: Query, number: int) -> None:
        """Record an answer, and offer it to the shadow; see `Assignment.record`."""
        asked = _adapted(query, self.choice.state.plan.candidate or self.choice.side)
        task = Task(answer.data, asked.max_pixels, asked.confidence, asked.nms_threshold)
        given = Given(
            self.request_id, number, answer.detections, answer.seconds, answer.size_wh, task
        )
        self.recorder.given(self.choice, given)


class RolloutHook:
    """Plugs a rollout into the service: a `Dispatcher`.

    Args:
        pool: Runs the stable detector, and knows the detectors.
        store: Remembers plans, answers and comparisons.
        settings: Workers for each further side.
        series: The rollout's metrics.
        latencies: When the default detector answered without a plan, and its seconds.
    """

    def __init__(
        self,
        pool: Pool,
        store: Store,
        settings: Settings,
        series: Series,
        latencies: deque[tuple[float, float]],
    ) -> None:
        self.has_plan = False
        self.router = Router(pool, store, settings, series, latencies, self._note_revision)
        self._keeper = Keeper(self.router)

    def _note_revision(self, revision: int) -> None:
        self.has_plan = revision > 0

    @property
    def stable_model(self) -> str:
        """The detector of the stable side."""
        return self.router.stable_model

    @contextmanager
    def assign(self, request: Request) -> Iterator[ChosenDetector]:
        """The detector that the plan chooses for a request; see `Dispatcher.assign`."""
        request_id = request.state.request_id
        with self.router.choose(self.router.key(request.headers, request_id)) as choice:
            request.state.model = choice.side.label
            yield ChosenDetector(choice, request_id, self.router.recorder)

    async def load(self, deadline: Deadline) -> None:
        """Load the detectors that may have to answer."""
        for lane in self.router.state.lanes.values():
            await lane.pool.load(lane.detector_name, deadline)

    def open(self) -> None:
        """Start the rollout, on the running event loop."""
        self.router.open()
        self._keeper.open()

    def refuse(self) -> None:
        """Reject the queued requests of sides with workers of their own."""
        self.router.refuse()

    async def close(self) -> None:
        """Stop the rollout, and write what is pending."""
        await self._keeper.close()
        await asyncio.to_thread(self.router.close)


def _adapted(query: Query, side: Side) -> Query:
    return query.asked_of(side.label, side.confidence, side.nms_threshold)
