"""A person as the baseline: what somebody saw, compared with what was answered."""

from dataclasses import dataclass

from detectlab.rollout.answer_log import Journal, PairNote
from detectlab.rollout.comparison import Comparison, compare
from detectlab.rollout.detections_json import from_json, to_json
from detectlab.rollout.store import Store
from detectlab.vision.detections import Detections

_FLUSH_S = 2.0


class UnknownAnswer(ValueError):
    """There is no answer with that request id."""


@dataclass(frozen=True)
class Judged:
    """An answer, measured against a person.

    Attributes:
        side: Which side had answered.
        model: Its detector.
        comparison: What it missed, and what it made up.
    """

    side: str
    model: str
    comparison: Comparison


def judge(
    store: Store, journal: Journal, request_id: str, number: int, person: Detections
) -> Judged:
    """Compare an answer that was given with what a person saw, and note it.

    Args:
        store: Where answers are.
        journal: Writes them there, and the comparison.
        request_id: The `X-Request-ID` of the answer.
        number: Which of its pictures, from 0.
        person: What the person saw.

    Raises:
        UnknownAnswer: When there is no such answer (any more).
    """
    journal.flush(_FLUSH_S)  # the answer may have been given a moment ago
    rows = store.read(
        "SELECT * FROM answers WHERE request_id = ? AND number = ? AND error IS NULL "
        "ORDER BY id DESC LIMIT 1",
        (request_id, number),
    )
    if not rows:
        raise UnknownAnswer(
            f"There is no answer to picture {number} of request {request_id[:64]!a}. Send the "
            "`X-Request-ID` of an answer: while a plan is set, the last 10,000 are remembered."
        )
    row = rows[0]
    answered = from_json(row["detections"])
    comparison = compare(person, answered)
    journal.note(
        PairNote(
            request_id=request_id,
            revision=row["revision"],
            baseline="person",
            model=row["model"],
            comparison=comparison,
            baseline_detections=to_json(person),
            detections=row["detections"],
            seconds=row["seconds"],
            width=row["width"],
            height=row["height"],
        )
    )
    return Judged(row["side"], row["model"], comparison)
