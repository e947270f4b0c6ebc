"""The candidate in the shadow: it sees what stable has answered, and nobody waits for it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Literal

import cv2
import numpy as np

from detectlab.rollout.comparison import Comparison, compare
from detectlab.rollout.plan import ShadowBudget
from detectlab.rollout.shadow_runners import Outcome, Runner, ShadowFailed, Task
from detectlab.rollout.traffic_split import falls_within
from detectlab.vision.detections import Detections
from detectlab.vision.images import decode_image, encode_image

_PICTURE_SIDE = 640
Lost = Literal["skipped", "failed"]


@dataclass(frozen=True)
class Seen:
    """What stable answered, and what the candidate is to answer.

    Attributes:
        request_id: Whose answer it is.
        detections: What stable found.
        seconds: What it took.
        task: The same picture, for the candidate.
    """

    request_id: str
    detections: Detections
    seconds: float
    task: Task


@dataclass(frozen=True)
class Pair:
    """Both answers about one picture.

    Attributes:
        seen: Stable's answer.
        outcome: The candidate's.
        comparison: How they differ.
        picture: The picture, small, as JPEG; only of a disagreement, and only where wanted.
    """

    seen: Seen
    outcome: Outcome
    comparison: Comparison
    picture: bytes | None


class Shadow:
    """Runs a candidate in the background, within a budget.

    Args:
        runner: Runs the candidate; closed with the shadow.
        budget: What it may cost.
        on_pair: Called with each pair, in the shadow's thread.
        on_lost: Called for each answer that is not compared, with the reason and an explanation.
    """

    def __init__(
        self,
        runner: Runner,
        budget: ShadowBudget,
        on_pair: Callable[[Pair], None],
        on_lost: Callable[[Lost, str], None],
    ) -> None:
        self._runner = runner
        self._budget = budget
        self._on_pair = on_pair
        self._on_lost = on_lost
        self._queue: Queue[Seen] = Queue(budget.queue_size)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        self._thread.start()

    def offer(self, seen: Seen) -> None:
        """Compare an answer if the budget allows; returns at once and never fails."""
        if not falls_within(seen.request_id, self._budget.sample, "shadow"):
            self._on_lost("skipped", "not in the sample")
            return
        try:
            self._queue.put_nowait(seen)
        except Full:
            self._on_lost("skipped", "the budget is used up")

    def close(self) -> None:
        """Stop, in the middle of a picture too; what waits is skipped."""
        self._closing.set()
        self._runner.close()

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                seen = self._queue.get(timeout=0.5)
            except Empty:
                continue
            started = time.perf_counter()
            self._compare(seen)
            busy_s = time.perf_counter() - started
            del seen  # with its picture: the next one may be long in coming
            self._closing.wait(busy_s * (1 / self._budget.busy_share - 1))

    def _compare(self, seen: Seen) -> None:
        try:
            outcome = self._runner.run(seen.task)
        except ShadowFailed as error:
            if not self._closing.is_set():
                self._on_lost("failed", str(error))
            return
        comparison = compare(seen.detections, outcome.detections)
        wanted = self._budget.keep_pictures and not comparison.agrees
        picture = _small_picture(seen.task) if wanted else None
        self._on_pair(Pair(seen, outcome, comparison, picture))


def _small_picture(task: Task) -> bytes:
    pixels = decode_image(task.data, task.max_pixels).pixels
    height, width = pixels.shape[:2]
    scale = min(1.0, _PICTURE_SIDE / max(height, width))
    size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA)
    return encode_image(small.astype(np.uint8, copy=False), quality=80)
