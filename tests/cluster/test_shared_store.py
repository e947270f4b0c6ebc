"""A store that another process holds, used by several gateways."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from detectlab.cluster.shared_store import SharedStore, StoreHolder, check_plan, offer
from detectlab.rollout.history import History, PlanChanged
from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.records import AnswerRecord, RecordLog

NANO = RolloutPlan.model_validate({"stable": {"model": "nano"}})
OTHER = RolloutPlan.model_validate({"stable": {"model": "nano-256"}})
CANARY = RolloutPlan.model_validate(
    {"mode": "canary", "stable": {"model": "nano"}, "candidate": {"model": "nano-256"}}
)


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[[], SharedStore]:
    """Makes the stores of several gateways, with one holder."""
    holder = StoreHolder(tmp_path / "rollout.sqlite")
    return lambda: SharedStore(holder)


def test_of_two_gateways_the_second_one_is_told_that_the_plan_changed(
    make_store: Callable[[], SharedStore],
) -> None:
    first, second = History(make_store()), History(make_store())

    first.append(NANO, replaces=0, who="anna", action="put", why="begin")
    with pytest.raises(PlanChanged, match="at revision 1 now"):
        second.append(OTHER, replaces=0, who="bert", action="put", why="begin")
    second.append(OTHER, replaces=1, who="bert", action="put", why="then so")

    assert [entry.who for entry in first.entries()] == ["bert", "anna"]
    assert make_store().is_durable


def test_what_one_gateway_notes_another_one_reads(make_store: Callable[[], SharedStore]) -> None:
    log = RecordLog(make_store())

    log.add(AnswerRecord("a", 0, 1, "stable", "nano", seconds=0.5))
    log.flush(10)
    log.close(10)

    (row,) = make_store().read("SELECT * FROM answers WHERE request_id = ?", ("a",))
    assert (row["model"], row["seconds"]) == ("nano", 0.5)


def test_transaction_that_fails_in_the_middle_leaves_nothing(
    make_store: Callable[[], SharedStore],
) -> None:
    store = make_store()
    History(store).append(NANO, replaces=0, who="anna", action="put")

    def note_and_forget() -> None:
        with store.write() as connection:
            connection.execute(
                "INSERT INTO answers (request_id, number, at, revision, role, model) "
                "VALUES ('a', 0, 0, 1, 'stable', 'nano')"
            )
            connection.execute("DELETE FROM history")

    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        note_and_forget()

    assert store.read("SELECT * FROM answers") == []


def test_plan_of_the_settings_counts_once_until_they_say_something_else(
    make_store: Callable[[], SharedStore],
) -> None:
    history = History(make_store())

    offer(make_store(), NANO)
    offer(make_store(), NANO)  # another gateway, or the same one after a restart
    assert history.last_revision() == 1
    history.append(CANARY, replaces=1, who="anna", action="put")
    offer(make_store(), NANO)
    assert history.last_revision() == 2
    offer(make_store(), OTHER)

    last = history.last()
    assert last is not None
    assert (last.number, last.plan) == (3, OTHER)


def test_gateway_does_not_begin_without_a_detector_that_the_plan_names(
    make_store: Callable[[], SharedStore],
) -> None:
    check_plan(make_store(), {"nano"})
    offer(make_store(), CANARY)

    check_plan(make_store(), {"nano", "nano-256"})
    with pytest.raises(ValueError, match=r"names the detector `nano-256`\. Keep it among"):
        check_plan(make_store(), {"nano"})
