"""What the routes share: limits, the pool, counters, and kept pictures."""

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError
from starlette.requests import Request

from detectlab.detection.detector import Detector
from detectlab.rollout.controller import Router
from detectlab.rollout.metrics import Series
from detectlab.rollout.observer import Choice, Given
from detectlab.rollout.plan import Side
from detectlab.rollout.reconciler import Keeper
from detectlab.rollout.shadow_runners import Task
from detectlab.rollout.store import Store
from detectlab.serving.deadline import Deadline
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.disconnect import while_connected
from detectlab.serving.errors import Refusal, too_large
from detectlab.serving.metrics import Metrics
from detectlab.serving.prediction import Answer, Query, answer_each
from detectlab.serving.schemas import Question
from detectlab.serving.shutdown import on_sigterm
from detectlab.serving.upload_store import ReceivedPictures
from detectlab.serving.uploads import (
    FilePart,
    Held,
    Intake,
    decode_base64,
    media_type,
    read_body,
    read_files,
)  # fmt: skip
from detectlab.serving.worker_pool import Pool
from detectlab.settings import Settings

T = TypeVar("T")

logger = logging.getLogger(__name__)

# What a client may choose, and a rollout plan chooses otherwise.
_CHOICES = {"model", "confidence", "nms_threshold"}
# What JSON holds besides the picture.
_JSON_EXTRA_BYTES = 64 << 10


class Service:
    """One running service.

    Args:
        pool: Runs its detectors.
        settings: Its limits.
        store: Remembers the rollout; by default the file that the settings name.
    """

    def __init__(self, pool: Pool, settings: Settings, store: Store | None = None) -> None:
        self.pool = pool
        self.settings = settings
        self.intake = Intake(settings.max_held_bytes)
        self.metrics = Metrics(pool, self.intake)
        store, series = store or Store(settings.rollout_file), Series(self.metrics.registry)
        self.router = Router(pool, store, settings, series)
        self._keeper = Keeper(self.router)
        self._was_ready = False
        self._received: ReceivedPictures | None = None
        if settings.received_dir and settings.received_keep:
            self._received = ReceivedPictures(
                settings.received_dir,
                settings.received_keep,
                settings.received_max_mb << 20,
                lambda reason: self.metrics.received_lost.labels(reason).inc(),
            )

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """Begin to work, and end: what runs is finished, who waits is sent away."""
        self.pool.open()
        self.router.open()
        if self._received:
            self._received.open()
        self._keeper.open()
        with on_sigterm(self._refuse):
            yield
        await self._keeper.close()
        await asyncio.to_thread(self.router.close)
        await asyncio.to_thread(self.pool.close, self.settings.shutdown_grace_s)
        if self._received:
            await asyncio.to_thread(self._received.close, self.settings.shutdown_grace_s)

    def _refuse(self) -> None:
        self.pool.refuse()
        self.router.refuse()

    async def check_ready(self) -> None:
        """Return when who answers by default has been loaded; raise as `Pool.load` does."""
        if not self._was_ready:
            # This also tries again what failed at the start.
            for lane in self.router.state.lanes.values():
                await lane.pool.load(lane.detector_name, Deadline(0.2))
            self._was_ready = True

    def deadline(self) -> Deadline:
        """Until when a request that arrives now wants its answer."""
        return Deadline(self.settings.deadline_s)

    def known(self, request: Request, model: str, status: int = 422) -> str:
        """`model`, noted for the log; refused when there is no such detector."""
        cards = self.pool.cards
        if model not in cards:
            names = ", ".join(cards)
            raise Refusal(status, f"`model` must be one of {names}. Received: {model[:40]!a}")
        request.state.model = model
        return model

    def query(
        self, request: Request, model: str | None, confidence: float, nms_threshold: float
    ) -> Query:
        """What the address of a request asks; refused when there is no such detector."""
        name = self.pool.default if model is None else self.known(request, model)
        accept = request.headers.get("accept", "")
        named = frozenset(_CHOICES & request.query_params.keys())
        return Query(name, confidence, nms_threshold, self.settings.max_pixels, accept, named)

    def classes(self, query: Query) -> tuple[str, ...]:
        """The classes of the detector that is asked, or of the stable one when none is named."""
        name = query.model if "model" in query.named else self.router.stable_model
        card = self.pool.cards.get(name)
        if card is None:
            raise Unavailable(f"The detector `{name}` was removed from this server.")
        return card.classes

    async def receive(
        self, request: Request, query: Query, deadline: Deadline, held: Held
    ) -> tuple[Query, Callable[[], bytes]]:
        """Read a request about one picture, in either form.

        Returns:
            What is asked in the end, since JSON says it in the body, and what gives the bytes of
            the picture: that decodes base64, and belongs into a worker thread.
        """
        kind = media_type(request)
        if kind == "application/json":
            return await self._receive_json(request, query, deadline, held)
        if kind != "multipart/form-data":
            raise Refusal(
                415,
                "Send the picture as the field `file` of a multipart form, or as base64 in JSON: "
                f'{{"image": "..."}}. Received: {kind[:60]!a}',
            )
        parts = await self.receive_files(request, 1, self.settings.max_bytes, deadline, held)
        if parts[0].name != "file":
            raise Refusal(422, "The form's field with the picture must be called `file`.")
        if parts[0].is_too_large:
            raise too_large(self.settings.max_bytes)
        data = bytes(parts[0].data)
        return query, lambda: data

    async def receive_files(
        self, request: Request, max_files: int, max_bytes: int, deadline: Deadline, held: Held
    ) -> list[FilePart]:
        """Read the files of a form: at least one, at most `max_files`."""
        parts = await read_files(
            request, max_bytes, max_files, self.settings.max_bytes, deadline, held
        )
        if not parts:
            raise Refusal(422, "The form has no file. Send the picture as the field `file`.")
        return parts

    async def receive_batch(
        self, request: Request, deadline: Deadline, held: Held
    ) -> list[bytes | Refusal]:
        """Read a request about several pictures: the bytes of each, or why it is not taken."""
        if media_type(request) != "multipart/form-data":
            raise Refusal(415, "Send the pictures as fields `files` of a multipart form.")
        limits = self.settings
        parts = await self.receive_files(
            request, limits.max_batch_files, limits.max_batch_bytes, deadline, held
        )
        return [
            too_large(limits.max_bytes) if part.is_too_large else bytes(part.data) for part in parts
        ]

    async def _receive_json(
        self, request: Request, query: Query, deadline: Deadline, held: Held
    ) -> tuple[Query, Callable[[], bytes]]:
        max_bytes = self.settings.max_bytes
        body = await read_body(request, max_bytes // 3 * 4 + _JSON_EXTRA_BYTES, deadline, held)
        try:
            question = Question.model_validate_json(body)
        except ValidationError as error:
            raise Refusal(422, sentence(error.errors(include_url=False))) from None
        query = replace(
            query,
            model=self.known(request, question.model, 400) if question.model else query.model,
            confidence=question.confidence,
            nms_threshold=question.nms_threshold,
            accept="application/json",
            named=frozenset(
                _CHOICES & question.model_dump(exclude_none=True, exclude_unset=True).keys()
            ),
        )
        return query, functools.partial(decode_base64, question.image, max_bytes)

    async def run(
        self, request: Request, query: Query, work: Callable[[Detector, Query], T],
        deadline: Deadline,
    ) -> T:  # fmt: skip
        """Run `work` with whoever is to answer, for as long as the client stays.

        Args:
            request: The request; who answers it is noted there.
            query: What is asked; when it names no detector, the rollout plan decides.
            work: Called with the detector, and the query as that one has to answer it.
            deadline: Until when an answer is wanted.
        """
        (result,) = await self.run_all(request, query, [work], deadline)
        return result

    async def run_all(
        self, request: Request, query: Query, works: Sequence[Callable[[Detector, Query], T]],
        deadline: Deadline,
    ) -> list[T]:  # fmt: skip
        """Run several pieces of one request side by side; otherwise as `run`."""
        if "model" in query.named:
            running = (
                self.pool.run(query.model, functools.partial(_ask, work, query), deadline)
                for work in works
            )
            return await while_connected(request, _together(running), deadline)
        request_id = request.state.request_id
        with self.router.choose(self.router.key(request.headers, request_id)) as choice:
            request.state.choice, request.state.model = choice, choice.side.label
            asked = _as(choice.side, query)

            def measured(work: Callable[[Detector, Query], T], detector: Detector) -> T:
                return work(self.router.recorder.watched(choice, detector, request_id), asked)

            lane = choice.lane
            running = (
                lane.pool.run(lane.detector_name, functools.partial(measured, work), deadline)
                for work in works
            )
            return await while_connected(request, _together(running), deadline)

    async def answer_each(
        self, request: Request, query: Query, files: Sequence[bytes | Refusal], deadline: Deadline
    ) -> list[Answer | Refusal]:
        """Answer for several pictures, in their order, with all workers that are idle now."""
        idle = self.settings.workers - self.pool.running - self.pool.waiting
        count = max(1, min(idle, len(files)))
        works = [functools.partial(answer_each, files[n::count], deadline) for n in range(count)]
        shares = await self.run_all(request, query, works, deadline)
        return [shares[number % count][number // count] for number in range(len(files))]

    def note(self, request: Request, query: Query, answer: Answer, number: int = 0) -> None:
        """Count an answer, keep its picture, and let the rollout compare it.

        Args:
            request: The request, run before.
            query: What was asked.
            answer: The answer.
            number: Which picture of the request it is about, from 0.
        """
        choice: Choice | None = getattr(request.state, "choice", None)
        if choice:
            asked = _as(choice.state.plan.candidate or choice.side, query)
            task = Task(answer.data, asked.max_pixels, asked.confidence, asked.nms_threshold)
            self.router.recorder.given(
                choice,
                Given(
                    request.state.request_id, number, answer.detections, answer.seconds,
                    answer.size_wh, task,
                ),
            )  # fmt: skip
        self.metrics.inference_seconds.labels(answer.model).observe(answer.seconds)
        self.metrics.detections.labels(answer.model).inc(len(answer.detections))
        if self._received:
            self._received.keep(answer.data, answer.data_format)


async def _together(running: Iterable[Awaitable[T]]) -> list[T]:
    # A coroutine, since asyncio complains of a `gather` that was cancelled and that nobody awaits.
    return await asyncio.gather(*running)


def _ask(work: Callable[[Detector, Query], T], query: Query, detector: Detector) -> T:
    return work(detector, query)


def _as(side: Side, query: Query) -> Query:
    return query.asked_of(side.label, side.confidence, side.nms_threshold)


def sentence(errors: Sequence[Mapping[str, Any]]) -> str:
    """Pydantic's errors as one sentence: which parameter, what is allowed, what came."""
    parts = []
    for error in errors[:3]:
        place = error["loc"]
        name = str(place[-1])[:40] if isinstance(place, tuple) and place else "body"
        given = repr(error.get("input"))
        given = given if len(given) <= 40 else given[:40] + "..."
        parts.append(f"`{name}`: {error['msg']}. Received: {ascii(given)[1:-1]}")
    return "; ".join(parts)
