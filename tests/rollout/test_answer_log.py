"""Notes of answers and comparisons, people's judgements, and the report that is made of them."""

import dataclasses
from collections.abc import Callable, Iterator

import pytest

from detectlab.rollout.answer_log import AnswerNote, Journal, PairNote
from detectlab.rollout.comparison import compare
from detectlab.rollout.detections_json import to_json
from detectlab.rollout.disagreements import side_by_side
from detectlab.rollout.feedback import UnknownAnswer, judge
from detectlab.rollout.report import agreement, examples
from detectlab.rollout.store import Store
from detectlab.vision.detections import Detections

Make = Callable[..., Detections]
APPLE = ([10, 10, 110, 110], "apple", 0.9)
ORANGE = ([10, 10, 110, 110], "orange", 0.6)


@pytest.fixture
def lost() -> list[int]:
    return []


@pytest.fixture
def journal(store: Store, lost: list[int]) -> Iterator[Journal]:
    made = Journal(store, lambda: lost.append(1))
    yield made
    made.close(10)


@pytest.fixture
def make_pair(detections: Make) -> Callable[..., PairNote]:
    """Makes comparisons of an apple with what a candidate found."""

    def make(*found: object, request_id: str = "r", picture: bytes | None = None) -> PairNote:
        baseline, other = detections(APPLE), detections(*found)
        return PairNote(
            request_id, 1, "stable", "new", compare(baseline, other), to_json(baseline),
            to_json(other), 0.01, 0.02, 120, 110, picture,
        )  # fmt: skip

    return make


def count(store: Store, query: str) -> int:
    return int(store.read(f"SELECT count(*) AS n FROM {query}")[0]["n"])


def test_notes_are_kept_in_their_order(journal: Journal, store: Store) -> None:
    for number in range(300):
        journal.note(AnswerNote("r", number, 1, "stable", "nano", 0.01, detections="[]"))
    journal.flush(30)

    rows = store.read("SELECT number FROM answers ORDER BY id")
    assert [row["number"] for row in rows] == list(range(300))


def test_only_the_newest_comparisons_and_pictures_stay(
    journal: Journal, store: Store, make_pair: Callable[..., PairNote]
) -> None:
    journal.keep_pairs, journal.keep_pictures = 10, 3
    for number in range(50):
        journal.note(make_pair(request_id=str(number), picture=b"jpeg"))
    journal.flush(30)

    assert [row["request_id"] for row in store.read("SELECT request_id FROM pairs")] == [
        str(number) for number in range(40, 50)
    ]
    assert count(store, "pairs WHERE picture IS NOT NULL") == 3


def test_notes_that_cannot_be_written_are_counted_and_harm_nobody(
    journal: Journal, store: Store, lost: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    with store.write() as connection:
        connection.execute("DROP TABLE answers")
    for number in range(3):
        journal.note(AnswerNote("r", number, 1, "stable", "nano"))
        journal.flush(30)

    assert len(lost) == 3
    assert caplog.text.count("Answers cannot be noted") == 1


def test_closed_journal_has_written_all_and_goes_on_when_asked(
    journal: Journal, store: Store
) -> None:
    for round_number in (1, 2):
        journal.note(AnswerNote("r", 0, 1, "stable", "nano"))
        journal.close(30)
        assert count(store, "answers") == round_number


def test_a_person_is_compared_with_what_was_answered(
    journal: Journal, store: Store, detections: Make
) -> None:
    given = AnswerNote("r1", 0, 4, "candidate", "new", 0.01, None, to_json(detections(APPLE)))
    journal.note(dataclasses.replace(given, width=640, height=480))

    judged = judge(store, journal, "r1", 0, detections(APPLE, ORANGE))
    journal.flush(30)

    assert (judged.side, judged.model) == ("candidate", "new")
    assert (judged.comparison.matched, judged.comparison.missed) == (1, 1)
    found = agreement(store, "person", "new")
    assert (found["pairs"], found["agreeing"], found["missed"]) == (1, 0, 1)
    assert found["baseline"]["p95_ms"] is None  # nobody measures a person


def test_a_person_who_judges_an_unknown_answer_is_told(
    journal: Journal, store: Store, detections: Make
) -> None:
    with pytest.raises(UnknownAnswer, match="no answer to picture 0 of request 'r2'"):
        judge(store, journal, "r2", 0, detections())


def test_agreement_counts_and_averages(
    journal: Journal, store: Store, make_pair: Callable[..., PairNote]
) -> None:
    for found in ([APPLE], [APPLE], [APPLE, ORANGE], []):
        journal.note(make_pair(*found))
    journal.flush(30)

    found = agreement(store, "stable", "new")

    assert (found["pairs"], found["agreeing"]) == (4, 2)
    assert (found["matched"], found["missed"], found["extra"]) == (3, 1, 1)
    assert found["mean_agreement"] == pytest.approx((1 + 1 + 2 / 3 + 0) / 4, abs=1e-4)
    assert found["baseline"] == {"p50_ms": 10.0, "p95_ms": 10.0}
    assert found["other"] == {"p50_ms": 20.0, "p95_ms": 20.0}
    assert sum(point["pairs"] for point in found["over_time"]) == 4


def test_course_over_time_has_at_most_24_points(
    journal: Journal, store: Store, make_pair: Callable[..., PairNote]
) -> None:
    for _ in range(100):
        journal.note(make_pair(APPLE))
    journal.flush(30)

    points = agreement(store, "stable", "new")["over_time"]

    assert len(points) == 24
    assert sum(point["pairs"] for point in points) == 100


def test_nothing_compared_gives_an_empty_agreement(store: Store) -> None:
    found = agreement(store, "stable", "new")

    assert (found["pairs"], found["mean_agreement"], found["over_time"]) == (0, None, [])


def test_examples_are_disagreements_those_with_a_picture_first(
    journal: Journal, store: Store, make_pair: Callable[..., PairNote]
) -> None:
    journal.keep_pictures = 1
    journal.note(make_pair(ORANGE, request_id="seen", picture=b"jpeg"))
    journal.note(make_pair(APPLE, request_id="same"))
    journal.note(make_pair(ORANGE, request_id="blank"))
    journal.flush(30)

    found = examples(store, "new")

    assert [(one["request_id"], one["picture"]) for one in found] == [
        ("seen", "anBlZw=="), ("blank", None),
    ]  # fmt: skip
    assert found[0]["size_wh"] == [120, 110]
    assert [one["matched"] for one in found[0]["detections"]] == [False]
    assert found[0]["detections"][0]["class_name"] == "orange"


def test_both_answers_of_an_example_are_drawn_side_by_side(
    journal: Journal, store: Store, make_pair: Callable[..., PairNote]
) -> None:
    journal.note(make_pair())
    journal.flush(30)

    both = side_by_side(examples(store, "new")[0])

    assert both.shape == (110, 2 * 120 + 12, 3)
    assert (both[:, :120] != 200).any()  # the apple
    assert (both[:, 132:] == 200).all()  # nothing on the right
