"""A live camera's frames over one WebSocket: the newest frame is answered, older ones are dropped.

A client sends pictures as binary messages, and gets a JSON message for each frame that was
answered. One frame of a stream is worked on at a time, and all streams together leave a worker
free for other clients where there are two or more. A frame waits a little while others' requests
take the machine: two at once would slow each other down.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from starlette.websockets import WebSocket, WebSocketDisconnect

from detectlab.serving.deadline import Deadline, DeadlinePassed
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.errors import Refusal, too_large
from detectlab.serving.pool import PoolClosed, PoolFull
from detectlab.serving.prediction import Answer, Query, answer
from detectlab.serving.sent_file import SentFile
from detectlab.serving.service import Service
from detectlab.vision.images import ImageError

MAX_FRAME_BYTES = 1 << 20
MAX_FRAME_PIXELS = 1920 * 1080
MAX_STREAMS = 8
MAX_FRAMES_PER_S = 17  # of one stream: what leaves other clients' photographs room on two cores
_FRAME_DEADLINE_S = 5.0
_MAX_YIELD_S = 0.03  # so short that a stream beside busy clients loses no frame
_LOOK_EVERY_S = 0.002
_IDLE_S = 30.0  # a stream without a frame for so long ends

# Statuses of WebSockets (RFC 6455): why the server ended one.
_GOING_AWAY, _WRONG_KIND, _TOO_BIG = 1001, 1003, 1009


class Frame(NamedTuple):
    """A frame as it arrived.

    Attributes:
        number: Index of its message in the stream, from 1.
        data: Its picture file.
    """

    number: int
    data: bytes


class FrameStreams:
    """All streams of a service.

    Args:
        service: Answers the frames.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._turns = asyncio.Semaphore(max(1, service.settings.workers - 1))
        self._most_running = max(0, service.settings.workers - 2)
        self._open = 0

    @asynccontextmanager
    async def admit(self) -> AsyncIterator[None]:
        """Count a stream until the end of the block.

        Raises:
            Refusal: 503 when there are `MAX_STREAMS` already.
        """
        if self._open >= MAX_STREAMS:
            raise Refusal(503, f"At most {MAX_STREAMS} streams are answered at once. Try later.")
        self._open += 1
        self._service.metrics.streams.inc()
        try:
            yield
        finally:
            self._open -= 1
            self._service.metrics.streams.dec()

    async def run(self, socket: WebSocket, query: Query) -> None:
        """Answer the frames of one stream until its client or the server ends it.

        Args:
            socket: The WebSocket, accepted.
            query: The detector and the thresholds.
        """
        newest = _Newest()
        receiving = asyncio.create_task(_receive(socket, newest))
        answering = asyncio.create_task(self._answer_all(socket, newest, query))
        tasks = {receiving, answering}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if receiving.done() and not receiving.cancelled() and not receiving.exception():
            code, reason = receiving.result()
            if code:
                await socket.close(code, reason)

    async def _answer_all(self, socket: WebSocket, newest: "_Newest", query: Query) -> None:
        while True:
            frame = await newest.take()
            started = time.monotonic()
            async with self._turns:
                await self._let_others_finish()
                message = await self._answer(frame, query)
            await socket.send_json({"frame": frame.number, **message})
            rest_s = 1 / MAX_FRAMES_PER_S - (time.monotonic() - started)
            await asyncio.sleep(max(0.0, rest_s))

    async def _let_others_finish(self) -> None:
        """Wait, at most `_MAX_YIELD_S`, until a worker is free besides the one for the frame."""
        until = time.monotonic() + _MAX_YIELD_S
        while self._service.pool.running > self._most_running and time.monotonic() < until:
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _answer(self, frame: Frame, query: Query) -> dict[str, Any]:
        """The answer about one frame, or why there is none, as JSON."""
        service, deadline = self._service, Deadline(_FRAME_DEADLINE_S)
        try:
            with service.intake.hold() as held:
                held.take(len(frame.data))
                found = await self._find(frame, query, deadline)
        except (ImageError, DeadlinePassed, PoolFull, PoolClosed, Unavailable, Refusal) as error:
            return {"detail": str(error)}
        service.metrics.stream_frames.labels(found.model).inc()
        return found.result.model_dump()

    async def _find(self, frame: Frame, query: Query, deadline: Deadline) -> Answer:
        service = self._service
        upload = service.decoder.read(SentFile(frame.data))
        header = upload.header
        if upload.is_costly or header.width * header.height > MAX_FRAME_PIXELS:
            raise ImageError(
                "A frame must be a baseline JPEG of at most 1920 x 1080 pixels.", "too_large"
            )
        return await service.pool.run(
            query.model, lambda detector: answer(detector, upload, query, deadline), deadline
        )


class _Newest:
    """Holds the newest frame that was not taken yet."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._arrived = asyncio.Event()

    def put(self, frame: Frame) -> None:
        """Replace the frame that is held."""
        self._frame = frame
        self._arrived.set()

    async def take(self) -> Frame:
        """Wait for a frame, and hold it no longer."""
        await self._arrived.wait()
        self._arrived.clear()
        frame, self._frame = self._frame, None
        assert frame is not None
        return frame


async def _receive(socket: WebSocket, newest: _Newest) -> tuple[int, str]:
    """Pass frames on until the stream ends.

    Returns:
        Status and reason with which the server ends it; status 0 when the client did.
    """
    number = 0
    while True:
        try:
            async with asyncio.timeout(_IDLE_S):
                message = await socket.receive()
        except TimeoutError:
            return _GOING_AWAY, f"No frame came for {_IDLE_S:g} s."
        except WebSocketDisconnect:
            return 0, ""
        if message["type"] == "websocket.disconnect":
            return 0, ""
        data = message.get("bytes")
        if not data:
            return _WRONG_KIND, "Send each frame as a binary message: a JPEG file."
        if len(data) > MAX_FRAME_BYTES:
            return _TOO_BIG, str(too_large(MAX_FRAME_BYTES))
        number += 1
        newest.put(Frame(number, data))
