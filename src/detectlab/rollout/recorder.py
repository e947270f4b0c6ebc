"""Records what the versions answered: in the store, the metrics and the guard."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
from numpy.typing import NDArray

from detectlab.detection.detector import Detector
from detectlab.rollout.deployment import ActivePlan
from detectlab.rollout.metrics import RolloutMetrics
from detectlab.rollout.plan import Role
from detectlab.rollout.rails.base import Observation
from detectlab.rollout.records import AnswerRecord, ComparisonRecord, RecordLog
from detectlab.rollout.shadow import Loss
from detectlab.rollout.shadow_runners import Task
from detectlab.rollout.store import Store
from detectlab.vision.detections import Detections

logger = logging.getLogger(__name__)


class MeasuredDetector:
    """A detector whose latency and errors are measured.

    Args:
        detector: The detector.
        watching: Gives a context that is open during each detection.
        on_end: Called after each detection with its seconds, and what it raised or `None`.
    """

    def __init__(
        self,
        detector: Detector,
        watching: Callable[[], AbstractContextManager[None]],
        on_end: Callable[[float, Exception | None], None],
    ) -> None:
        self.name = detector.name
        self.names = detector.names
        self.precision: str = getattr(detector, "precision", "")
        self.input_size_wh: tuple[int, int] | None = getattr(detector, "input_size_wh", None)
        self._detector = detector
        self._watching = watching
        self._on_end = on_end

    def detect(
        self, image: NDArray[np.uint8], confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        """Find objects as the detector does."""
        started = time.perf_counter()
        try:
            with self._watching():
                found = self._detector.detect(image, confidence, nms_threshold)
        except Exception as error:
            self._on_end(time.perf_counter() - started, error)
            raise
        self._on_end(time.perf_counter() - started, None)
        return found


class Recorder:
    """Records answers, failures and comparisons; its methods return at once and never fail.

    Args:
        store: Where they are kept.
        metrics: Where they are counted.
    """

    def __init__(self, store: Store, metrics: RolloutMetrics) -> None:
        self.log = RecordLog(store, metrics.lost.inc)
        self._metrics = metrics
        self._last_reason = ""

    def detected(
        self, active: ActivePlan, role: Role, client: str, seconds: float, failed: bool
    ) -> None:
        """Record the end of a detection, in its worker thread.

        Args:
            active: The plan that assigned it.
            role: The version.
            client: Key of the client.
            seconds: What it took.
            failed: Whether it raised.
        """
        label = active.plan.version(role).label
        self._metrics.answers.labels(role, label, "failed" if failed else "answered").inc()
        if not failed:
            self._metrics.seconds.labels(role).observe(seconds)
        now = time.monotonic()
        active.guard.observe(Observation("answer", role, client, now, seconds, failed))

    def failed(
        self, active: ActivePlan, role: Role, *, client: str, request_id: str, why: str
    ) -> None:
        """Record a request that got no answer.

        Args:
            active: The plan that assigned it.
            role: The version.
            client: Key of the client.
            request_id: The request.
            why: What failed.
        """
        label = active.plan.version(role).label
        self.log.add(AnswerRecord(request_id, 0, active.revision, role, label, error=why[:300]))
        now = time.monotonic()
        active.guard.observe(Observation("answer", role, client, now, failed=True))

    def answered(self, active: ActivePlan, answer: AnswerRecord, task: Task) -> None:
        """Record an answer, and offer it to the shadow of the other version.

        Args:
            active: The plan that assigned it.
            answer: The answer.
            task: The same picture, for the shadow.
        """
        self.log.add(answer)
        if active.shadow and active.shadow.role != answer.role:
            active.shadow.offer(answer, task)

    def compared(self, active: ActivePlan, record: ComparisonRecord) -> None:
        """Record a comparison, in the shadow's thread.

        Args:
            active: The plan in force.
            record: The comparison.
        """
        self._metrics.shadowed.labels("compared").inc()
        self._metrics.count_diff("stable", record.diff)
        self.log.add(record)
        # Last, so that the reason for a rollback can be looked up.
        answer, now = record.answer, time.monotonic()
        if active.shadow and active.shadow.role == "stable":
            active.guard.observe(
                Observation("answer", "stable", answer.client, now, record.baseline_s)
            )
        elif not active.plan.candidate_share:
            active.guard.observe(Observation("answer", "candidate", answer.client, now))
        if not answer.has_own_thresholds:
            active.guard.observe(
                Observation(
                    "comparison", "candidate", answer.client, now, agrees=record.diff.agrees
                )
            )

    def lost(self, active: ActivePlan, answer: AnswerRecord, loss: Loss, reason: str) -> None:
        """Record an answer that was not compared.

        Args:
            active: The plan in force.
            answer: The answer.
            loss: How it was lost.
            reason: Why.
        """
        self._metrics.shadowed.labels(loss).inc()
        if loss == "skipped":
            return
        shadow = active.shadow
        label = active.plan.version(shadow.role).label if shadow else ""
        self.log.add(
            AnswerRecord(
                answer.request_id, answer.number, active.revision, "shadow", label, error=reason
            )
        )
        if not active.plan.candidate_share:
            active.guard.observe(
                Observation("answer", "candidate", answer.client, time.monotonic(), failed=True)
            )
        if reason != self._last_reason:  # logged once, not for every picture
            self._last_reason = reason
            logger.warning("The version in the shadow failed: %s", reason)
