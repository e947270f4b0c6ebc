"""The rollout as the service sees it: implements the protocols of `serving.dispatch`."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import Request

from detectlab.detection.detector import Detector
from detectlab.rollout.autopilot import Autopilot
from detectlab.rollout.controller import RolloutController
from detectlab.rollout.deployment import ActivePlan
from detectlab.rollout.metrics import RolloutMetrics
from detectlab.rollout.plan import Role, Version
from detectlab.rollout.recorder import MeasuredDetector, Recorder
from detectlab.rollout.records import AnswerRecord
from detectlab.rollout.shadow_runners import Task
from detectlab.rollout.store import Store
from detectlab.rollout.traffic_split import client_key, role_of
from detectlab.rollout.versions import RunningVersion
from detectlab.serving.deadline import Deadline, DeadlinePassed
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.pool import Pool, PoolFull
from detectlab.serving.prediction import Answer, Query
from detectlab.settings import Settings

_THRESHOLDS = {"confidence", "nms_threshold"}


@dataclass(frozen=True)
class AssignedVersion:
    """The version that a plan assigned to a request: an `Assignment`.

    Attributes:
        active: The plan in force when the request arrived.
        role: The role that answers.
        client: Key of the client.
        request_id: The request.
        recorder: Records what the detector does.
    """

    active: ActivePlan
    role: Role
    client: str
    request_id: str
    recorder: Recorder

    @property
    def running(self) -> RunningVersion:
        """Where it runs."""
        return self.active.versions[self.role]

    @property
    def detector_name(self) -> str:
        """Its name in `pool`."""
        return self.running.detector_name

    @property
    def pool(self) -> Pool:
        """The pool that runs it."""
        return self.running.pool

    @property
    def lane(self) -> str:
        """The role that answers."""
        return self.role

    def adapt(self, query: Query) -> Query:
        """The query with the version's values where the client chose none."""
        return _adapted(query, self.running.version)

    def watch(self, detector: Detector) -> Detector:
        """The detector, with its latency and errors recorded."""
        return MeasuredDetector(
            detector,
            lambda: self.active.guard.watching(self.role, self.client, is_detecting=True),
            self._detected,
        )

    def record(self, answer: Answer, query: Query, number: int) -> None:
        """Record an answer, and offer it to the shadow; see `Assignment.record`."""
        shadow, plan = self.active.shadow, self.active.plan
        asked = _adapted(query, plan.version(shadow.role if shadow else self.role))
        record = AnswerRecord(
            request_id=self.request_id,
            number=number,
            revision=self.active.revision,
            role=self.role,
            model=self.running.version.label,
            detections=answer.detections,
            seconds=answer.seconds,
            size_wh=answer.size_wh,
            client=self.client,
            has_own_thresholds=bool(query.named & _THRESHOLDS),
        )
        task = Task(answer.data, asked.max_pixels, asked.confidence, asked.nms_threshold)
        self.recorder.answered(self.active, record, task)

    def fail(self, error: Exception) -> None:
        """Record that the request got no answer."""
        why = f"{type(error).__name__}: {error}"
        self.recorder.failed(
            self.active, self.role, client=self.client, request_id=self.request_id, why=why
        )

    def _detected(self, seconds: float, error: Exception | None) -> None:
        self.recorder.detected(self.active, self.role, self.client, seconds, error is not None)
        if error:
            self.fail(error)


@contextmanager
def assign_version(
    controller: RolloutController, *, client: str, request_id: str
) -> Iterator[AssignedVersion]:
    """The version that the plan assigns to a request, kept open until the end of the block.

    Args:
        controller: Holds the plan.
        client: Key of the client.
        request_id: The request.
    """
    active = controller.active  # read once: a later change is for later requests
    role = role_of(active.plan, client)
    assigned = AssignedVersion(active, role, client, request_id, controller.recorder)
    watching = active.guard.watching(role, client, is_detecting=False)
    with assigned.running.hold(), watching:
        try:
            yield assigned
        except (PoolFull, Unavailable, DeadlinePassed) as error:
            assigned.fail(error)
            raise


class RolloutHook:
    """Plugs a rollout into the service: a `Dispatcher`.

    Args:
        pool: Runs the stable detector, and knows the detectors.
        store: Holds plans, answers and comparisons.
        settings: Workers for each further version.
        metrics: The rollout's metrics.
        latencies: Gives the latencies of the default detector without a plan, in seconds.
    """

    def __init__(
        self,
        pool: Pool,
        store: Store,
        settings: Settings,
        metrics: RolloutMetrics,
        latencies: Callable[[], Iterable[float]] = tuple,
    ) -> None:
        self.has_plan = False
        self._has_shared_key = settings.api_key is not None
        self.controller = RolloutController(
            pool,
            store,
            settings,
            metrics,
            latencies=latencies,
            on_revision=self._on_revision,
        )
        self._autopilot = Autopilot(self.controller, settings.workers)

    def _on_revision(self, revision: int) -> None:
        self.has_plan = revision > 0

    @property
    def stable_model(self) -> str:
        """The detector of the stable version."""
        return self.controller.active.plan.stable.model

    @contextmanager
    def assign(self, request: Request) -> Iterator[AssignedVersion]:
        """The version that the plan assigns to a request; see `Dispatcher.assign`."""
        request_id = request.state.request_id
        client = client_key(
            self.controller.active.plan,
            request.headers,
            request_id,
            has_shared_key=self._has_shared_key,
        )
        with assign_version(self.controller, client=client, request_id=request_id) as assigned:
            request.state.model = assigned.running.version.label
            yield assigned

    async def load(self, deadline: Deadline) -> None:
        """Load the detectors that may have to answer."""
        for running in self.controller.active.versions.values():
            await running.pool.load(running.detector_name, deadline)

    def open(self) -> None:
        """Start the rollout, on the running event loop."""
        self.controller.open()
        self._autopilot.open()

    def refuse(self) -> None:
        """Reject the queued requests of versions with workers of their own."""
        self.controller.refuse()

    async def close(self) -> None:
        """Stop the rollout, and write what is pending."""
        await self._autopilot.close()
        await asyncio.to_thread(self.controller.close)


def _adapted(query: Query, version: Version) -> Query:
    own = {"confidence": version.confidence, "nms_threshold": version.nms_threshold}
    return query.asked_of(version.label, **own)
