"""Answer for pictures that may cost much: within a bound of memory, and beside ordinary ones.

They are decoded and drawn on by threads of low priority; a worker only detects. So an ordinary
picture waits neither for their decoding nor for their processor time.
"""

import asyncio
import math
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeGuard, TypeVar

from detectlab.detection.detector import Detector
from detectlab.serving.child_process import lower_priority
from detectlab.serving.deadline import Deadline, DeadlinePassed
from detectlab.serving.errors import Refusal, refused_picture
from detectlab.serving.picture_decoder import NICENESS, Upload
from detectlab.serving.pool import PoolFull
from detectlab.serving.prediction import Answer, Query, draw, find
from detectlab.settings import Settings
from detectlab.vision.headers.base import ImageError

T = TypeVar("T")

# Runs a detection in a worker: called with the work, which gets the detector and its query.
Start = Callable[[Callable[[Detector, Query], Answer], Deadline], Awaitable[Answer]]

# What they may take together; a larger one is worked on alone. With many workers, each may have a
# photograph of 12 megapixels at work.
_MAX_BYTES = 192 << 20
_BYTES_FOR_EACH_WORKER = 40 << 20


class CostlyPictures:
    """Works on costly pictures, as many at once as fit in a bound of memory.

    Args:
        settings: How many are worked on at once, how many may wait, and for how long.
    """

    def __init__(self, settings: Settings) -> None:
        workers = settings.workers
        self._threads = ThreadPoolExecutor(workers, "costly", initializer=_lower_priority)
        self._settings = settings
        self._max_bytes = max(_MAX_BYTES, workers * _BYTES_FOR_EACH_WORKER)
        self._free_bytes = self._max_bytes
        # Half of the workers stay free for ordinary pictures.
        self._detections = asyncio.Semaphore(max(1, workers // 2))
        self._turn = asyncio.Lock()  # of the one that waits for memory; the others wait behind it
        self._changed = asyncio.Event()
        self._waiting = 0
        self._mean_s = 0.0  # of recent pictures

    async def answer(
        self, upload: Upload, query: Query, start: Start, deadline: Deadline
    ) -> Answer:
        """Find the objects in a picture, and draw them when a picture is wanted.

        Args:
            upload: The picture.
            query: What is asked.
            start: Runs the detection.
            deadline: No stage begins after it.

        Raises:
            ImageError: When the picture cannot be used.
            PoolFull: When no more may wait, or the expected wait is too long.
            DeadlinePassed: When the deadline passed first.
        """
        size = min(upload.memory_bytes, self._max_bytes)
        await self._take(size, deadline)
        # It goes on without its client: a thread cannot be stopped, and holds its memory till then.
        work = asyncio.ensure_future(self._answer(upload, query, start, deadline))
        work.add_done_callback(partial(self._release, size, time.monotonic()))
        return await asyncio.shield(work)

    async def answer_or_refuse(
        self, upload: Upload, query: Query, start: Start, deadline: Deadline
    ) -> Answer | Refusal:
        """As `answer`, with the refusal of an unusable picture as its result."""
        try:
            return await self.answer(upload, query, start, deadline)
        except ImageError as error:
            return refused_picture(error)

    async def _answer(
        self, upload: Upload, query: Query, start: Start, deadline: Deadline
    ) -> Answer:
        picture = await self._call(lambda: upload.decode(deadline))

        def detect(detector: Detector, adapted: Query) -> Answer:
            return find(detector, upload.data, picture, adapted, deadline)

        async with self._detections:
            found = await start(detect, deadline)
        return await self._call(lambda: draw(found, picture, query, deadline))

    async def _call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _take(self, size: int, deadline: Deadline) -> None:
        """Wait, in the order of arrival, until so many bytes are free."""
        at_once = max(1, min(self._settings.workers, self._max_bytes // size))
        wait_s = self._waiting * self._mean_s / at_once
        is_full = self._waiting > self._settings.queue_size
        if is_full or wait_s > min(self._settings.max_wait_s, deadline.remaining_s):
            raise PoolFull(max(1, math.ceil(wait_s)))
        self._waiting += 1
        try:
            async with asyncio.timeout(deadline.remaining_s), self._turn:
                while size > self._free_bytes:
                    self._changed.clear()
                    await self._changed.wait()
                self._free_bytes -= size
        except TimeoutError:
            raise DeadlinePassed(deadline.seconds) from None
        finally:
            self._waiting -= 1

    def _release(self, size: int, started: float, done: "asyncio.Future[Answer]") -> None:
        self._mean_s += 0.1 * (time.monotonic() - started - self._mean_s)
        self._free_bytes += size
        self._changed.set()
        if not done.cancelled():
            done.exception()  # marked as seen, also when the client has gone


def is_costly(file: Upload | Refusal) -> TypeGuard[Upload]:
    """Whether a picture belongs here."""
    return isinstance(file, Upload) and file.is_costly


def _lower_priority() -> None:
    if sys.platform == "linux":  # elsewhere threads have no priority of their own
        lower_priority(threading.get_native_id(), NICENESS)
