"""Records of answers and comparisons, people's judgements, and the report over them."""

from collections.abc import Callable, Iterator

import pytest

from detectlab.rollout.agreement import agreement
from detectlab.rollout.disagreements import draw_disagreement
from detectlab.rollout.feedback import AlreadyJudged, UnknownAnswer, judge
from detectlab.rollout.records import AnswerRecord, ComparisonRecord, RecordLog
from detectlab.rollout.report import examples
from detectlab.rollout.store import SqliteStore
from detectlab.vision.detections import Detections

Make = Callable[..., Detections]
APPLE = ([10, 10, 110, 110], "apple", 0.9)
ORANGE = ([10, 10, 110, 110], "orange", 0.6)


@pytest.fixture
def lost() -> list[int]:
    return []


@pytest.fixture
def log(store: SqliteStore, lost: list[int]) -> Iterator[RecordLog]:
    made = RecordLog(store, lambda: lost.append(1))
    yield made
    made.close(10)


@pytest.fixture
def compare(detections: Make) -> Callable[..., ComparisonRecord]:
    """Makes comparisons of an apple with what a candidate found."""

    def make(
        *found: object, request_id: str = "r", picture: bytes | None = None, revision: int = 1
    ) -> ComparisonRecord:
        answer = AnswerRecord(
            request_id, 0, revision, "candidate", "new", detections(*found), 0.02, (120, 110)
        )
        return ComparisonRecord(answer, "stable", detections(APPLE), 0.01, picture)

    return make


def count(store: SqliteStore, query: str) -> int:
    return int(store.read(f"SELECT count(*) AS n FROM {query}")[0]["n"])


def test_records_are_kept_in_their_order(log: RecordLog, store: SqliteStore) -> None:
    for number in range(300):
        log.add(AnswerRecord("r", number, 1, "stable", "nano", seconds=0.01))
    log.flush(30)

    rows = store.read("SELECT number FROM answers ORDER BY id")
    assert [row["number"] for row in rows] == list(range(300))


def test_only_the_newest_comparisons_and_pictures_stay(
    log: RecordLog, store: SqliteStore, compare: Callable[..., ComparisonRecord]
) -> None:
    log.keep_pairs, log.keep_pictures = 10, 3
    for number in range(50):
        log.add(compare(request_id=str(number), picture=b"jpeg"))
    log.flush(30)

    assert [row["request_id"] for row in store.read("SELECT request_id FROM comparisons")] == [
        str(number) for number in range(40, 50)
    ]
    assert count(store, "comparisons WHERE picture IS NOT NULL") == 3


def test_records_that_cannot_be_written_are_counted_and_raise_nothing(
    log: RecordLog, store: SqliteStore, lost: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    with store.write() as connection:
        connection.execute("DROP TABLE answers")
    for number in range(3):
        log.add(AnswerRecord("r", number, 1, "stable", "nano"))
        log.flush(30)

    assert len(lost) == 3
    assert caplog.text.count("Answers cannot be recorded") == 1


def test_closed_log_has_written_all_and_goes_on_when_asked(
    log: RecordLog, store: SqliteStore
) -> None:
    for round_number in (1, 2):
        log.add(AnswerRecord("r", 0, 1, "stable", "nano"))
        log.close(30)
        assert count(store, "answers") == round_number


@pytest.fixture
def answered(log: RecordLog, detections: Make) -> AnswerRecord:
    answer = AnswerRecord("r1", 0, 4, "candidate", "new", detections(APPLE), 0.01, (640, 480))
    log.add(answer)
    return answer


def test_a_person_is_compared_with_what_was_answered(
    log: RecordLog, store: SqliteStore, detections: Make, answered: AnswerRecord
) -> None:
    judged = judge(store, log, detections(APPLE, ORANGE), request_id="r1", number=0)

    assert (judged.answer.role, judged.answer.model) == ("candidate", "new")
    assert (judged.answer.revision, judged.answer.size_wh) == (4, (640, 480))
    assert (judged.diff.matched, judged.diff.missed) == (1, 1)
    found = agreement(store, "person", "new")
    assert (found["pairs"], found["agreeing"], found["missed"]) == (1, 0, 1)
    assert found["baseline"]["p95_ms"] is None  # a person's latency is not measured


def test_an_answer_is_judged_once(
    log: RecordLog, store: SqliteStore, detections: Make, answered: AnswerRecord
) -> None:
    judge(store, log, detections(APPLE), request_id="r1", number=0)

    with pytest.raises(AlreadyJudged, match="Picture 0 of request 'r1' was judged already"):
        judge(store, log, detections(), request_id="r1", number=0)

    assert agreement(store, "person", "new")["pairs"] == 1


def test_a_person_who_judges_an_unknown_answer_is_told(
    log: RecordLog, store: SqliteStore, detections: Make
) -> None:
    with pytest.raises(UnknownAnswer, match="no answer to picture 0 of request 'r2'"):
        judge(store, log, detections(), request_id="r2", number=0)


def test_agreement_counts_and_averages(
    log: RecordLog, store: SqliteStore, compare: Callable[..., ComparisonRecord]
) -> None:
    for found in ([APPLE], [APPLE], [APPLE, ORANGE], []):
        log.add(compare(*found))
    log.flush(30)

    told = agreement(store, "stable", "new")

    assert (told["pairs"], told["agreeing"]) == (4, 2)
    assert (told["matched"], told["missed"], told["extra"]) == (3, 1, 1)
    assert told["mean_agreement"] == pytest.approx((1 + 1 + 2 / 3 + 0) / 4, abs=1e-4)
    assert told["baseline"] == {"p50_ms": 10.0, "p95_ms": 10.0}
    assert told["other"] == {"p50_ms": 20.0, "p95_ms": 20.0}
    assert sum(point["pairs"] for point in told["over_time"]) == 4


def test_course_over_time_has_at_most_24_points(
    log: RecordLog, store: SqliteStore, compare: Callable[..., ComparisonRecord]
) -> None:
    for _ in range(100):
        log.add(compare(APPLE))
    log.flush(30)

    points = agreement(store, "stable", "new")["over_time"]

    assert len(points) == 24
    assert sum(point["pairs"] for point in points) == 100


def test_agreement_is_counted_by_class_and_size_and_from_one_revision_on(
    log: RecordLog, store: SqliteStore, compare: Callable[..., ComparisonRecord]
) -> None:
    log.add(compare(revision=1))
    log.add(compare(APPLE, ([0, 0, 9, 9], "banana", 0.9), revision=2))
    log.flush(30)

    found = agreement(store, "stable", "new", since=2)

    assert found["pairs"] == 1
    assert found["by_class"] == {
        "apple": {"matched": 1, "missed": 0, "extra": 0},
        "banana": {"matched": 0, "missed": 0, "extra": 1},
    }
    assert found["by_size"] == {
        "large": {"matched": 1, "missed": 0, "extra": 0},
        "small": {"matched": 0, "missed": 0, "extra": 1},
    }


def test_example_of_one_picture_comes_once(
    log: RecordLog, store: SqliteStore, compare: Callable[..., ComparisonRecord]
) -> None:
    log.keep_pictures = 10
    for number in range(3):
        log.add(compare(ORANGE, request_id=str(number), picture=b"jpeg"))
    log.flush(30)

    assert [one["request_id"] for one in examples(store, "new")] == ["2"]


def test_nothing_compared_gives_an_empty_agreement(store: SqliteStore) -> None:
    found = agreement(store, "stable", "new")

    assert (found["pairs"], found["mean_agreement"], found["over_time"]) == (0, None, [])


def test_examples_are_disagreements_those_with_a_picture_first(
    log: RecordLog, store: SqliteStore, compare: Callable[..., ComparisonRecord]
) -> None:
    log.keep_pictures = 1
    log.add(compare(ORANGE, request_id="seen", picture=b"jpeg"))
    log.add(compare(APPLE, request_id="same"))
    log.add(compare(ORANGE, request_id="blank"))
    log.flush(30)

    found = examples(store, "new")

    seen = [(one["request_id"], one["picture"]) for one in found]
    assert seen == [("seen", "anBlZw=="), ("blank", None)]
    assert found[0]["size_wh"] == [120, 110]
    assert [one["matched"] for one in found[0]["detections"]] == [False]
    assert found[0]["detections"][0]["class_name"] == "orange"


def test_both_answers_of_an_example_are_drawn_draw_disagreement(
    log: RecordLog, store: SqliteStore, compare: Callable[..., ComparisonRecord]
) -> None:
    log.add(compare())
    log.flush(30)

    both = draw_disagreement(examples(store, "new")[0])

    assert both.shape == (110, 2 * 120 + 12, 3)
    assert (both[:, :120] != 200).any()  # the apple
    assert (both[:, 132:] == 200).all()  # nothing on the right
