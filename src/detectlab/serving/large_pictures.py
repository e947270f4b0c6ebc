"""Bound how many large pictures are in memory at once, so that others still find a worker."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from detectlab.serving.deadline import Deadline, DeadlinePassed
from detectlab.serving.errors import Refusal
from detectlab.serving.picture_decoder import Upload
from detectlab.serving.pool import PoolFull
from detectlab.vision.headers.base import Header

# A photograph of 13 megapixels, and its copy with boxes.
_LARGE_BYTES = 80 << 20
_BYTES_PER_PIXEL = 6  # decoded, and drawn on a copy


class LargePictures:
    """Admits large pictures to half of the workers.

    Args:
        workers: How many pictures are worked on at once.
        queue_size: How many large ones may wait.
    """

    def __init__(self, workers: int, queue_size: int) -> None:
        self._turns = asyncio.Semaphore(max(1, workers // 2))
        self._queue_size = queue_size
        self._waiting = 0

    def turn(
        self, uploads: Iterable[Upload | Refusal], deadline: Deadline
    ) -> AbstractAsyncContextManager[bool]:
        """Give whether pictures are large, and wait until they may be decoded.

        The turn ends with the block.

        Args:
            uploads: The pictures; only large ones wait.
            deadline: Until when.

        Raises:
            PoolFull: When no more may wait.
            DeadlinePassed: When the deadline passed first.
        """
        headers = [upload.header for upload in uploads if isinstance(upload, Upload)]
        is_large = any(memory_bytes(header) > _LARGE_BYTES for header in headers)
        return self._turn(deadline) if is_large else nullcontext(False)

    @asynccontextmanager
    async def _turn(self, deadline: Deadline) -> AsyncIterator[bool]:
        if self._waiting > self._queue_size:
            raise PoolFull(1)
        self._waiting += 1
        try:
            async with asyncio.timeout(deadline.remaining_s):
                await self._turns.acquire()
        except TimeoutError:
            raise DeadlinePassed(deadline.seconds) from None
        finally:
            self._waiting -= 1
        try:
            yield True
        finally:
            self._turns.release()


def memory_bytes(header: Header) -> int:
    """What a picture takes at most: while it is decoded, or with its copy that is drawn on."""
    return max(header.memory_bytes, _BYTES_PER_PIXEL * header.width * header.height)
