"""What the routes share: limits, the pool, metrics, the rollout's hook, and kept pictures."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import TypeVar

from starlette.requests import Request

from detectlab.detection.detector import Detector
from detectlab.serving.auth import Access
from detectlab.serving.batch import answer_uploads
from detectlab.serving.costly_pictures import CostlyPictures
from detectlab.serving.deadline import Deadline, while_connected
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.dispatch import Assignment, Dispatcher, Watcher
from detectlab.serving.errors import Refusal, unknown_model
from detectlab.serving.json_question import decode_picture, read_question
from detectlab.serving.metrics import Metrics
from detectlab.serving.observation import Observation, Observations
from detectlab.serving.picture_decoder import PictureDecoder
from detectlab.serving.pool import Pool
from detectlab.serving.prediction import CHOICES, THRESHOLDS, Answer, Query, answer
from detectlab.serving.sent_file import SentFile
from detectlab.serving.shutdown import on_sigterm
from detectlab.serving.upload_store import open_upload_store, picture_key
from detectlab.serving.uploads import Intake, media_type, read_picture, read_pictures
from detectlab.settings import Settings

T = TypeVar("T")


class Service:
    """One running service.

    Args:
        pool: Runs its detectors.
        settings: Its limits.
        intake: Bounds the bodies of all requests.
        metrics: Counts answers.
        dispatcher: Assigns requests to detectors while a rollout plan is in force.
        watcher: Watches the answers; without one, what is observed is dropped.
    """

    def __init__(
        self,
        pool: Pool,
        settings: Settings,
        intake: Intake,
        metrics: Metrics,
        dispatcher: Dispatcher,
        watcher: Watcher | None,
    ) -> None:
        self.pool = pool
        self.settings = settings
        self.intake = intake
        self.metrics = metrics
        self.dispatcher = dispatcher
        self.watcher = watcher
        self._observed: Observations = watcher.observed if watcher else deque(maxlen=0)
        self.access = Access(settings)
        self.decoder = PictureDecoder(settings.workers, settings.max_pixels)
        self._costly_pictures = CostlyPictures(settings)
        self._was_ready = False
        self._received = open_upload_store(settings, metrics.received_lost)

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """Start; on shutdown finish running work and reject the queue."""
        self.pool.open()
        self.decoder.open()
        if self._received:
            self._received.open()
        self.dispatcher.open()
        if self.watcher:
            self.watcher.open()
        with on_sigterm(self._refuse):
            yield
        await self.dispatcher.close()
        if self.watcher:
            await asyncio.to_thread(self.watcher.close)
        await asyncio.to_thread(self.pool.close, self.settings.shutdown_grace_s)
        await asyncio.to_thread(self.decoder.close)
        if self._received:
            await asyncio.to_thread(self._received.close, self.settings.shutdown_grace_s)

    def _refuse(self) -> None:
        self.pool.refuse()
        self.dispatcher.refuse()

    async def check_ready(self) -> None:
        """Return once the detectors that answer by default are loaded; raise as `Pool.load`."""
        if not self._was_ready:
            await self.dispatcher.load(Deadline(0.2))  # this also retries a load that failed
            self._was_ready = True

    def known(self, request: Request, model: str, status: int = 422) -> str:
        """`model`, once it is known to name a detector.

        Args:
            request: The request; the name is noted there for the log.
            model: The name that the client sent.
            status: Status of the refusal when there is no such detector.
        """
        if self.pool.card(model) is None:
            raise unknown_model(model, self.pool.cards, status)
        request.state.model = model
        return model

    def query(
        self, request: Request, model: str | None, confidence: float, nms_threshold: float
    ) -> Query:
        """What the address of a request asks; see `Query`. Refused without such a detector."""
        name = self.pool.default if model is None else self.known(request, model)
        accept = request.headers.get("accept", "")
        named = frozenset(CHOICES & request.query_params.keys())
        limit, is_kept = self.settings.max_pixels, self._received is not None
        share = self.watcher.share if self.watcher else 0.0
        return Query(name, confidence, nms_threshold, limit, accept, named, is_kept, share)

    def classes(self, query: Query) -> tuple[str, ...]:
        """The classes of the detector that is asked, or of the stable one when none is named."""
        name = query.model if "model" in query.named else self.dispatcher.stable_model
        if (card := self.pool.card(name)) is None:
            raise Unavailable(f"The detector `{name}` was removed from this server.")
        return card.classes

    async def answer(
        self, request: Request, query: Query, check: Callable[[Query], None] = lambda query: None
    ) -> Answer:
        """Read the picture of a request, and find the objects in it.

        Args:
            request: The request; its body must be untouched.
            query: What its address asks.
            check: Called with the whole query, after the body and before the detector.
        """
        deadline = Deadline(self.settings.deadline_s)
        with self.intake.hold() as held:
            if media_type(request) == "application/json":
                question = await read_question(request, self.settings, deadline, held)
                if question.model:
                    self.known(request, question.model, 400)
                query = query.with_question(question)
                check(query)
                file = SentFile(await decode_picture(question.image, self.settings.max_bytes))
            else:
                file = await read_picture(request, self.settings, deadline, held)
                check(query)
            with self._assign(request, query) as assignment:
                running = self._answer_one(assignment, query, file, deadline)
                found = await while_connected(request, running, deadline)
        self._record(found, query, assignment, request.state.request_id)
        return found

    async def answer_batch(self, request: Request, query: Query) -> list[Answer | Refusal]:
        """Read the pictures of a request, and find the objects in each, with all idle workers.

        Args:
            request: The request; its body must be untouched.
            query: What its address asks.

        Returns:
            An answer or a refusal for each picture, in their order.
        """
        deadline = Deadline(self.settings.deadline_s)
        with self.intake.hold() as held:
            files = await read_pictures(request, self.settings, deadline, held)
            with self._assign(request, query) as assignment:
                input_wh = self._shrink_for(query, assignment)
                running = answer_uploads(
                    [self.decoder.read_or_refuse(file, input_wh) for file in files],
                    query,
                    partial(self._start, assignment, query),
                    self._costly_pictures,
                    idle=self.settings.workers - self.pool.running - self.pool.waiting,
                    deadline=deadline,
                )
                answers = await while_connected(request, running, deadline)
        for number, found in enumerate(answers):
            if isinstance(found, Answer):
                self._record(found, query, assignment, request.state.request_id, number)
        return answers

    def _assign(self, request: Request, query: Query) -> AbstractContextManager[Assignment | None]:
        """The detector that the rollout plan assigns, or `None`: the one that the query names."""
        if self.dispatcher.has_plan and "model" not in query.named:
            return self.dispatcher.assign(request)
        request.state.model = query.model
        return nullcontext()

    def _answer_one(
        self, assignment: Assignment | None, query: Query, file: SentFile, deadline: Deadline
    ) -> Awaitable[Answer]:
        upload = self.decoder.read(file, self._shrink_for(query, assignment))
        start = partial(self._start, assignment, query)
        if upload.is_costly:
            return self._costly_pictures.answer(upload, query, start, deadline)
        return start(lambda detector, asked: answer(detector, upload, asked, deadline), deadline)

    def _shrink_for(self, query: Query, assignment: Assignment | None) -> tuple[int, int] | None:
        """The input of the network for which pictures may shrink; `None` where they may not."""
        may = self.settings.scaled_decoding and query.needs_numbers_only
        card = may and self.pool.card(assignment.detector_name if assignment else query.model)
        return card.input_size_wh if card else None

    def _start(
        self,
        assignment: Assignment | None,
        query: Query,
        work: Callable[[Detector, Query], T],
        deadline: Deadline,
    ) -> Awaitable[T]:
        if assignment is None:
            return self.pool.run(query.model, lambda detector: work(detector, query), deadline)
        adapted, watch = assignment.adapt(query), assignment.watch
        return assignment.pool.run(
            assignment.detector_name, lambda detector: work(watch(detector), adapted), deadline
        )

    def _record(
        self,
        answer: Answer,
        query: Query,
        assignment: Assignment | None,
        request_id: str,
        number: int = 0,
    ) -> None:
        """Count an answer, store its picture, and pass it to the rollout and the watcher."""
        lane = "named" if "model" in query.named else "stable"
        if assignment:
            lane = assignment.lane
            assignment.record(answer, query, number)
        elif "model" not in query.named:
            self.metrics.latencies.append((time.monotonic(), answer.seconds))
        self.metrics.inference_seconds.labels(answer.model).observe(answer.seconds)
        self.metrics.detections.labels(answer.model).inc(answer.count)
        if self._received:
            key = picture_key(request_id, number)
            self._received.keep(answer.kept, answer.own_form, key=key)
        found = None if query.named & THRESHOLDS else answer.detections
        picture = answer.size_wh, len(answer.data), answer.thumbnail
        names = answer.detections.names
        self._observed.append(Observation(time.time(), answer.model, lane, found, names, *picture))
