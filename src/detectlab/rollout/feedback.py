"""People as the baseline: their judgement of an answer."""

import sqlite3

from detectlab.rollout.detections_json import from_json
from detectlab.rollout.records import AnswerRecord, ComparisonRecord, RecordLog, insert
from detectlab.rollout.store import Store
from detectlab.vision.detections import Detections

_FLUSH_S = 2.0


class UnknownAnswer(ValueError):
    """There is no answer with that request id."""


class AlreadyJudged(ValueError):
    """The answer was judged before."""


def judge(
    store: Store, log: RecordLog, seen: Detections, *, request_id: str, number: int
) -> ComparisonRecord:
    """Compare an answer with what a person saw, and record it; once for each answer.

    Args:
        store: Holds the answers.
        log: Writes them there.
        seen: What the person saw.
        request_id: The `X-Request-ID` of the answer.
        number: Which of its pictures, from 0.

    Raises:
        UnknownAnswer: When there is no such answer, or not any more.
        AlreadyJudged: When it was judged before.
    """
    log.flush(_FLUSH_S)  # the answer may be a moment old
    rows = store.read(
        "SELECT * FROM answers WHERE request_id = ? AND number = ? AND error IS NULL "
        "ORDER BY id DESC LIMIT 1",
        (request_id, number),
    )
    if not rows:
        raise UnknownAnswer(
            f"There is no answer to picture {number} of request {request_id[:64]!a}. Send the "
            "`X-Request-ID` of an answer: while a plan is set, the last 10,000 are kept."
        )
    (row,) = rows
    answer = AnswerRecord(
        request_id=request_id,
        number=number,
        revision=row["revision"],
        role=row["role"],
        model=row["model"],
        detections=from_json(row["detections"]),
        seconds=row["seconds"],
        size_wh=(row["width"], row["height"]),
    )
    judged = ComparisonRecord(answer, "person", seen)
    try:
        with store.write() as transaction:
            insert(transaction, judged)
    except sqlite3.IntegrityError:
        raise AlreadyJudged(
            f"Picture {number} of request {request_id[:64]!a} was judged already."
        ) from None
    return judged
