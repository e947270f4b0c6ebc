"""The shadow: runs a version on pictures that another one has answered, and compares."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from queue import Empty, Full, Queue
from typing import Literal

import cv2
import numpy as np

from detectlab.rollout.plan import Role, ShadowBudget
from detectlab.rollout.records import AnswerRecord, ComparisonRecord
from detectlab.rollout.shadow_runners import Runner, ShadowError, Task
from detectlab.rollout.traffic_split import is_within
from detectlab.vision.images import decode_image, encode_image

_PICTURE_SIDE = 640
# A new candidate is compared at once: the budget holds from then on.
_BURST_S = 3.0
Loss = Literal["skipped", "failed"]
OnLost = Callable[[AnswerRecord, Loss, str], None]


class Shadow:
    """Runs a version in the background, within a budget.

    Args:
        runner: Runs the version; closed with the shadow.
        label: The version's label.
        role: The version's role: the other one's answers are offered.
        budget: What it may cost.
        on_comparison: Called with each comparison, in the shadow's thread.
        on_lost: Called for each answer that is not compared, with an explanation.
    """

    def __init__(
        self,
        runner: Runner,
        label: str,
        role: Role,
        budget: ShadowBudget,
        *,
        on_comparison: Callable[[ComparisonRecord], None],
        on_lost: OnLost,
    ) -> None:
        self._runner = runner
        self._label = label
        self.role = role
        self._budget = budget
        self._on_comparison = on_comparison
        self._on_lost = on_lost
        self._queue: Queue[tuple[AnswerRecord, Task]] = Queue(budget.queue_size)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    def offer(self, answer: AnswerRecord, task: Task) -> None:
        """Compare an answer if the budget allows; returns at once and never fails.

        Args:
            answer: The answer of the other version.
            task: The same picture, for this one.
        """
        if not is_within(answer.request_id, self._budget.sample, salt="shadow"):
            self._on_lost(answer, "skipped", "not in the sample")
            return
        try:
            self._queue.put_nowait((answer, task))
        except Full:
            self._on_lost(answer, "skipped", "the budget is used up")

    def close(self) -> None:
        """Stop, also in the middle of a picture; the queue is discarded."""
        self._closing.set()
        self._runner.close()

    def _run(self) -> None:
        credit_s = _BURST_S
        while not self._closing.is_set():
            try:
                answer, task = self._queue.get(timeout=0.5)
            except Empty:
                continue
            started = time.monotonic()
            self._compare(answer, task)
            del answer, task  # releases the picture before the next wait
            credit_s = self._spend(credit_s, started)

    def _spend(self, credit_s: float, started: float) -> float:
        """Rest until the time that ran since `started` is earned; returns what is left."""
        share, busy_s = self._budget.busy_share, time.monotonic() - started
        credit_s -= busy_s * (1 - share)
        if credit_s < 0:
            self._closing.wait(-credit_s / share)
            credit_s = 0.0
        return credit_s

    def _compare(self, answer: AnswerRecord, task: Task) -> None:
        try:
            outcome = self._runner.run(task)
        except ShadowError as error:
            if not self._closing.is_set():
                self._on_lost(answer, "failed", str(error))
            return
        shadowed = replace(
            answer,
            role=self.role,
            model=self._label,
            detections=outcome.detections,
            seconds=outcome.seconds,
        )
        stable, candidate = (shadowed, answer) if self.role == "stable" else (answer, shadowed)
        assert stable.detections is not None
        record = ComparisonRecord(candidate, "stable", stable.detections, stable.seconds)
        if self._budget.keep_pictures and not record.diff.agrees:
            record = replace(record, picture=_small_picture(task))
        self._on_comparison(record)


def _small_picture(task: Task) -> bytes:
    pixels = decode_image(task.data, task.max_pixels).pixels
    height, width = pixels.shape[:2]
    scale = min(1.0, _PICTURE_SIDE / max(height, width))
    size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA)
    return encode_image(small.astype(np.uint8, copy=False), quality=80)
