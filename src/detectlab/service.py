"""What the routes share: limits, the pool, counters, and kept pictures."""

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request

from detectlab.answering import Answer, Query
from detectlab.deadline import Deadline, DeadlinePassed
from detectlab.detector import Detector
from detectlab.metrics import Metrics
from detectlab.pool import Pool
from detectlab.received import ReceivedPictures
from detectlab.receiving import (
    FilePart,
    Held,
    Intake,
    decode_base64,
    media_type,
    read_body,
    read_files,
)  # fmt: skip
from detectlab.refusal import Refusal, too_large
from detectlab.schemas import Question
from detectlab.settings import Settings
from detectlab.shelf import Unavailable
from detectlab.stopping import on_sigterm

T = TypeVar("T")

logger = logging.getLogger(__name__)

# What JSON holds besides the picture.
_JSON_EXTRA_BYTES = 64 << 10


class Service:
    """One running service.

    Args:
        pool: Runs its detectors.
        settings: Its limits.
    """

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.pool = pool
        self.settings = settings
        self.intake = Intake(settings.max_held_bytes)
        self.metrics = Metrics(pool, self.intake)
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
        if self._received:
            self._received.open()
        warming = asyncio.create_task(self._warm())
        with on_sigterm(self.pool.refuse):
            yield
        warming.cancel()
        await asyncio.to_thread(self.pool.close, self.settings.shutdown_grace_s)
        if self._received:
            await asyncio.to_thread(self._received.close, self.settings.shutdown_grace_s)

    async def _warm(self) -> None:
        try:
            await self.pool.load(self.pool.default, Deadline(3600))
        except (Unavailable, DeadlinePassed, RuntimeError) as error:
            logger.warning("The default detector is not ready: %s", error)

    async def check_ready(self) -> None:
        """Return when the default detector has been loaded; raise as `Pool.load` does."""
        if not self._was_ready:
            # This also tries again what failed at the start.
            await self.pool.load(self.pool.default, Deadline(0.2))
            self._was_ready = True

    def deadline(self) -> Deadline:
        """Until when a request that arrives now wants its answer."""
        return Deadline(self.settings.deadline_s)

    def known(self, request: Request, model: str, status: int = 422) -> str:
        """`model`, noted for the log; refused when there is no such detector."""
        if model not in self.pool.cards:
            names = ", ".join(self.pool.cards)
            raise Refusal(status, f"`model` must be one of {names}. Received: {model[:40]!a}")
        request.state.model = model
        return model

    def query(self, request: Request, model: str, confidence: float, nms_threshold: float) -> Query:
        """What the address of a request asks; refused when there is no such detector."""
        name = self.known(request, model)
        accept = request.headers.get("accept", "")
        return Query(name, confidence, nms_threshold, self.settings.max_pixels, accept)

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
            model=self.known(request, question.model or self.pool.default, status=400),
            confidence=question.confidence,
            nms_threshold=question.nms_threshold,
            accept="application/json",
        )
        return query, functools.partial(decode_base64, question.image, max_bytes)

    async def run(
        self, request: Request, query: Query, work: Callable[[Detector], T], deadline: Deadline
    ) -> T:
        """Run `work` in the pool for as long as the client stays."""
        return await _while_connected(request, self.pool.run(query.model, work, deadline), deadline)

    def note(self, answer: Answer) -> None:
        """Count an answer, and keep its picture."""
        self.metrics.inference_seconds.labels(answer.model).observe(answer.seconds)
        self.metrics.detections.labels(answer.model).inc(len(answer.detections))
        if self._received:
            self._received.keep(answer.data, answer.data_format)


async def _while_connected(request: Request, work: Awaitable[T], deadline: Deadline) -> T:
    """Await `work`; when the client goes away first, cancel it and raise `ClientDisconnect`."""

    async def disconnected() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    task = asyncio.ensure_future(work)
    watcher = asyncio.ensure_future(disconnected())
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientDisconnect
    finally:
        deadline.give_up()
        task.cancel()
        watcher.cancel()


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
