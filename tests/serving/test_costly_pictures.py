"""Costly pictures wait for memory, and ordinary ones for no costly one."""

import ast
import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detectlab.detection.detector import Detector, NetworkDetector
from detectlab.serving.costly_pictures import CostlyPictures
from detectlab.serving.deadline import Deadline, DeadlinePassed
from detectlab.serving.picture_decoder import NICENESS, PictureDecoder, Upload
from detectlab.serving.pool import PoolFull
from detectlab.serving.prediction import Answer, Query
from detectlab.serving.sent_file import SentFile
from detectlab.settings import Settings
from detectlab.vision.headers.base import MAX_MEMORY_BYTES

QUERY = Query("tiny", 0.5, 0.3, 40_000_000, "application/json")
Work = Callable[[Detector, Query], Answer]


@pytest.fixture
def decoder() -> Iterator[PictureDecoder]:
    decoder = PictureDecoder(1, QUERY.max_pixels)
    yield decoder
    decoder.close()


@pytest.fixture
def huge(decoder: PictureDecoder, jpeg: bytes) -> Upload:
    """A picture that is said to need more than half of the memory."""
    upload = decoder.read(SentFile(jpeg))
    return replace(upload, header=replace(upload.header, memory_bytes=MAX_MEMORY_BYTES * 2 // 3))


class Gate:
    """Runs detections one by one, when they are let through."""

    def __init__(self, detector: Detector) -> None:
        self.started = 0
        self.open = asyncio.Event()
        self._detector = detector

    async def __call__(self, work: Work, deadline: Deadline) -> Answer:
        self.started += 1
        await self.open.wait()
        return work(self._detector, QUERY)


async def settle(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


def test_pictures_that_do_not_fit_in_the_memory_wait_for_each_other(
    huge: Upload, tiny: NetworkDetector
) -> None:
    async def scene() -> None:
        pictures, gate = CostlyPictures(Settings(workers=2, queue_size=1)), Gate(tiny)

        def ask(seconds: float = 60) -> Awaitable[Answer]:
            return pictures.answer(huge, QUERY, gate, Deadline(seconds))

        first = asyncio.ensure_future(ask())
        await settle(lambda: gate.started == 1)
        with pytest.raises(DeadlinePassed, match=r"no answer within 0\.05 s"):
            await ask(0.05)
        others = [asyncio.ensure_future(ask()) for _ in range(2)]
        await asyncio.sleep(0)  # both wait now
        with pytest.raises(PoolFull, match="queue is full"):
            await ask()
        assert gate.started == 1
        gate.open.set()
        assert [answer.model for answer in await asyncio.gather(first, *others)] == ["tiny"] * 3

    asyncio.run(scene())


def test_picture_whose_client_has_gone_holds_its_memory_until_its_work_ends(
    huge: Upload, tiny: NetworkDetector
) -> None:
    async def scene() -> None:
        pictures, gate = CostlyPictures(Settings(workers=2, queue_size=1)), Gate(tiny)
        gone = asyncio.ensure_future(pictures.answer(huge, QUERY, gate, Deadline(60)))
        await settle(lambda: gate.started == 1)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert gone.cancelled()
        with pytest.raises(DeadlinePassed, match="no answer"):
            await pictures.answer(huge, QUERY, gate, Deadline(0.05))
        gate.open.set()
        assert (await pictures.answer(huge, QUERY, gate, Deadline(60))).model == "tiny"

    asyncio.run(scene())


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_costly_pictures_are_decoded_with_a_low_priority(
    decoder: PictureDecoder, jpeg: bytes, tiny: NetworkDetector
) -> None:
    seen: list[int] = []

    class Watched(PictureDecoder):
        def decode(self, *arguments: Any) -> Any:
            seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            return super().decode(*arguments)

    async def scene() -> None:
        gate = Gate(tiny)
        gate.open.set()
        upload = replace(decoder.read(SentFile(jpeg)), decoder=Watched(1, QUERY.max_pixels))
        await CostlyPictures(Settings(workers=1, queue_size=1)).answer(
            upload, QUERY, gate, Deadline(60)
        )

    asyncio.run(scene())
    assert seen == [min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)]


def test_server_decodes_nothing_without_the_bounds_of_the_decoder(root: Path) -> None:
    users = {
        file.name
        for file in (root / "src" / "detectlab" / "serving").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for name in node.names
        if name.name in ("decode_image", "decode_checked", "read_image", "imdecode")
    }
    assert users == {"decode_process.py", "picture_decoder.py"}
