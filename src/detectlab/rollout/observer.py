"""Remembers what both sides answered, counts it, and shows it to the shadow."""

import logging
from dataclasses import dataclass

from detectlab.detection.detector import Detector
from detectlab.rollout.answer_log import AnswerNote, Journal, PairNote
from detectlab.rollout.comparison import Comparison
from detectlab.rollout.deployment import State
from detectlab.rollout.detections_json import to_json
from detectlab.rollout.guard_rails import WatchedDetector
from detectlab.rollout.lanes import Lane
from detectlab.rollout.metrics import Series
from detectlab.rollout.plan import Side, SideName
from detectlab.rollout.shadow import Lost, Pair, Seen
from detectlab.rollout.shadow_runners import Task
from detectlab.rollout.store import Store
from detectlab.vision.detections import Detections

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """Who answers a request.

    Attributes:
        name: Which side.
        side: What that is.
        lane: Where it runs.
        state: The plan that says so.
    """

    name: SideName
    side: Side
    lane: Lane
    state: State


@dataclass(frozen=True)
class Given:
    """An answer that was given to somebody.

    Attributes:
        request_id: To whom.
        number: Which picture of that request, from 0.
        detections: The objects.
        seconds: What the detector took.
        size_wh: Width and height of the picture in pixels.
        task: The same picture, for the candidate.
    """

    request_id: str
    number: int
    detections: Detections
    seconds: float
    size_wh: tuple[int, int]
    task: Task


class Recorder:
    """Notes answers, failures and comparisons; nobody waits for it.

    Args:
        store: Where they are kept.
        series: Where they are counted.
    """

    def __init__(self, store: Store, series: Series) -> None:
        self.journal = Journal(store, series.lost.inc)
        self._series = series
        self._last_reason = ""

    def watched(self, choice: Choice, detector: Detector, request_id: str) -> Detector:
        """A detector that is measured for the side that was chosen."""

        def note(seconds: float, error: Exception | None) -> None:
            label = choice.side.label
            outcome = "failed" if error else "answered"
            self._series.answers.labels(choice.name, label, outcome).inc()
            if error is None:
                self._series.seconds.labels(choice.name).observe(seconds)
            elif choice.state.revision:
                what = f"{type(error).__name__}: {error}"[:300]
                self.journal.note(
                    AnswerNote(
                        request_id, 0, choice.state.revision, choice.name, label, seconds, what
                    )
                )

        return WatchedDetector(detector, choice.state.watch, choice.name, note)

    def given(self, choice: Choice, answer: Given) -> None:
        """Remember an answer, and show stable ones to the shadow; returns at once, never fails."""
        state = choice.state
        if not state.revision:
            return  # without a plan there is nothing to look into
        self.journal.note(
            AnswerNote(
                request_id=answer.request_id,
                number=answer.number,
                revision=state.revision,
                side=choice.name,
                model=choice.side.label,
                seconds=answer.seconds,
                detections=to_json(answer.detections),
                width=answer.size_wh[0],
                height=answer.size_wh[1],
            )
        )
        if choice.name == "stable" and state.shadow:
            state.shadow.offer(
                Seen(answer.request_id, answer.detections, answer.seconds, answer.task)
            )

    def compared(self, state: State, pair: Pair) -> None:
        """Remember a comparison."""
        seen, outcome = pair.seen, pair.outcome
        self._series.shadowed.labels("compared").inc()
        self._series.count_pair("stable", pair.comparison)
        self.journal.note(
            PairNote(
                request_id=seen.request_id,
                revision=state.revision,
                baseline="stable",
                model=state.plan.candidate.label if state.plan.candidate else "",
                comparison=pair.comparison,
                baseline_detections=to_json(seen.detections),
                detections=to_json(outcome.detections),
                baseline_s=seen.seconds,
                seconds=outcome.seconds,
                width=outcome.size_wh[0],
                height=outcome.size_wh[1],
                picture=pair.picture,
            )
        )
        # Last, so that whoever is stopped for it can look it up.
        state.watch.note_pair(pair.comparison.agrees)

    def judged(self, comparison: Comparison) -> None:
        """Count a comparison with a person."""
        self._series.count_pair("person", comparison)

    def lost(self, lost: Lost, reason: str) -> None:
        """Count an answer that was not compared."""
        self._series.shadowed.labels(lost).inc()
        if lost == "failed" and reason != self._last_reason:  # say it once, not for every picture
            self._last_reason = reason
            logger.warning("The candidate in the shadow failed: %s", reason)
