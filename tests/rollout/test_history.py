"""The history of a plan: whole, in order, shared by processes, and never rewritten."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from detectlab.rollout.history import History, PlanChanged
from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.store import SqliteStore, StoreError

MakePlan = Callable[..., RolloutPlan]

# Switches between blue and green without an end, and says each revision once it is in force.
SWITCHES = """
import sys
from pathlib import Path
from detectlab.rollout.history import History
from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.store import SqliteStore

history = History(SqliteStore(Path(sys.argv[1])))
blue, green = (RolloutPlan.model_validate_json(text) for text in sys.argv[2:])
while True:
    last = history.last()
    plan = green if last is None or last.plan == blue else blue
    replaced = last.number if last else 0
    print(history.append(plan, replaces=replaced, who="t", action="put").number, flush=True)
"""
LAYOUT_1 = """
CREATE TABLE history (
    revision INTEGER PRIMARY KEY,
    at REAL NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, why TEXT NOT NULL,
    plan TEXT NOT NULL
);
CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;
CREATE TRIGGER history_is_not_deleted BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;
CREATE TABLE answers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, revision INTEGER NOT NULL,
    side TEXT NOT NULL, model TEXT NOT NULL, seconds REAL, error TEXT, detections TEXT,
    width INTEGER, height INTEGER
);
CREATE INDEX answers_by_request ON answers (request_id, number);
INSERT INTO answers (request_id, number, at, revision, side, model)
VALUES ('r', 0, 0, 1, 'candidate', 'nano');
CREATE TABLE pairs (id INTEGER PRIMARY KEY AUTOINCREMENT, matched INTEGER NOT NULL);
CREATE INDEX pairs_that_differ ON pairs (id) WHERE matched > 0;
INSERT INTO pairs (matched) VALUES (3);
PRAGMA user_version = 1;
"""
# Appends as often as it is let, each time on top of what it has read last.
WRITES = """
import sys
from pathlib import Path
from detectlab.rollout.history import History, PlanChanged
from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.store import SqliteStore

history, done = History(SqliteStore(Path(sys.argv[1]))), 0
plan = RolloutPlan.model_validate_json(sys.argv[2])
while done < 25:
    try:
        replaced = history.last_revision()
        history.append(plan, replaces=replaced, who=sys.argv[3], action="put", why=f"{done}")
    except PlanChanged:
        continue
    done += 1
"""


def test_first_plan_is_revision_1_and_stays_after_a_restart(plan: MakePlan, file: Path) -> None:
    store = SqliteStore(file)
    entry = History(store).append(plan(), replaces=0, who="ada", action="put", why="a try")
    store.close()

    last = History(SqliteStore(file)).last()

    assert entry.number == 1
    assert last is not None
    assert (last.number, last.plan) == (1, plan())
    (told,) = History(SqliteStore(file)).entries()
    assert (told.who, told.action, told.why) == ("ada", "put", "a try")


def test_entry_says_from_what_to_what(plan: MakePlan, store: SqliteStore) -> None:
    history = History(store)
    history.append(plan("stable"), replaces=0, who="ada", action="put")
    history.append(plan("shadow"), replaces=1, who="bob", action="put", why="to see")

    newest, oldest = history.entries()

    told = newest.describe()
    assert (told["from"], told["to"]) == (plan("stable").summary, plan("shadow").summary)
    assert (told["who"], told["why"], told["revision"]) == ("bob", "to see", 2)
    assert told["at"].endswith("+00:00")
    assert oldest.before == ""


def test_who_saw_an_older_revision_changes_nothing(plan: MakePlan, store: SqliteStore) -> None:
    history = History(store)
    history.append(plan("stable"), replaces=0, who="ada", action="put")

    with pytest.raises(PlanChanged, match=r"at revision 1 now\. Read it again"):
        history.append(plan("shadow"), replaces=0, who="bob", action="put")

    assert [entry.who for entry in history.entries()] == ["ada"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE history SET who = 'eve'",
        "DELETE FROM history",
        "INSERT OR REPLACE INTO history VALUES (1, 0, 'eve', 'put', '', '{}')",
        "REPLACE INTO history VALUES (1, 0, 'eve', 'put', '', '{}')",
    ],
)
def test_history_cannot_be_rewritten(plan: MakePlan, file: Path, change: str) -> None:
    History(SqliteStore(file)).append(plan(), replaces=0, who="ada", action="put")

    with (
        closing(sqlite3.connect(file)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(change)


def test_two_threads_that_replace_the_same_plan_cannot_both_do_it(
    plan: MakePlan, file: Path
) -> None:
    histories = [History(SqliteStore(file)) for _ in range(2)]
    start, outcomes = threading.Barrier(2), []

    def write(history: History, who: str) -> None:
        for revision in range(20):
            start.wait()
            try:
                history.append(plan(), replaces=revision, who=who, action="put")
                outcomes.append(revision)
            except PlanChanged:
                pass

    threads = [
        threading.Thread(target=write, args=(history, str(number)))
        for number, history in enumerate(histories)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == list(range(20))


@pytest.mark.slow
def test_processes_that_write_at_once_lose_nothing(plan: MakePlan, file: Path) -> None:
    names = ["ada", "bob", "eve"]
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITES, str(file), plan().model_dump_json(), name])
        for name in names
    ]
    assert [process.wait(120) for process in processes] == [0, 0, 0]

    entries = History(SqliteStore(file)).entries(1000)[::-1]
    assert [entry.revision for entry in entries] == list(range(1, 76))
    for name in names:
        assert [int(e.why) for e in entries if e.who == name] == list(range(25))


@pytest.mark.slow
def test_kill_in_the_middle_of_a_switch_leaves_one_plan_or_the_other(
    plan: MakePlan, file: Path
) -> None:
    blue, green = plan("blue_green"), plan("blue_green", live="green")
    command = [sys.executable, "-c", SWITCHES, str(file)]
    for _ in range(5):
        with subprocess.Popen(
            [*command, blue.model_dump_json(), green.model_dump_json()], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            said = [int(process.stdout.readline()) for _ in range(20)]
            process.send_signal(signal.SIGKILL)
            said += [int(line) for line in process.stdout]
        last = History(SqliteStore(file)).last()
        assert last is not None
        # What was said is in force; at most one more was written and not said.
        assert last.number - said[-1] in (0, 1)
        assert last.plan == (green if last.number % 2 else blue)


def test_file_that_is_no_store_is_refused_and_kept(file: Path) -> None:
    file.write_text("my diary, which is important, and longer than a header of sixteen bytes")

    with pytest.raises(StoreError, match=r"rollout\.sqlite cannot be used: .*not a database"):
        SqliteStore(file)

    assert file.read_text().startswith("my diary")


def test_file_of_a_later_layout_is_refused(file: Path) -> None:
    SqliteStore(file).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(StoreError, match="layout 99 is not known"):
        SqliteStore(file)


def test_file_of_the_first_layout_is_taken_over_with_its_history(file: Path) -> None:
    guard_rails = {"max_error_rate": 0.1, "window_s": 60.0, "min_bad": 3}
    canary = {"mode": "canary", "stable": {"model": "nano"}, "guard_rails": guard_rails}
    canary["candidate"] = {"model": "nano", "input_size": 256}
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(LAYOUT_1)
        connection.execute(
            "INSERT INTO history VALUES (1, 0, 'ada', 'put', 'a try', ?)", (json.dumps(canary),)
        )
        connection.commit()

    history = History(SqliteStore(file))
    (entry,) = history.entries()
    assert (entry.who, entry.why) == ("ada", "a try")
    last = history.last()
    assert last is not None
    assert last.plan.guard_rails.max_error_rate == 0.1
    assert history.append(last.plan, replaces=1, who="bob", action="put").number == 2
    again = SqliteStore(file)
    assert again.read("SELECT id FROM answers") == []
    assert again.read("SELECT side FROM answers_of_layout_1") == [{"side": "candidate"}]
    assert again.read("SELECT matched FROM pairs_of_layout_1") == [{"matched": 3}]
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), again.write() as transaction:
        transaction.execute("INSERT OR REPLACE INTO history VALUES (1, 0, '', '', '', '')")


def test_plan_that_this_version_does_not_read_is_told(plan: MakePlan, file: Path) -> None:
    with SqliteStore(file).write() as connection:
        connection.execute("INSERT INTO history VALUES (1, 0, 'a', 'put', '', '{}')")

    with pytest.raises(StoreError, match=r"Revision 1 in .* is no plan"):
        History(SqliteStore(file)).last()


def test_write_that_fails_half_way_writes_nothing(plan: MakePlan, file: Path) -> None:
    store = SqliteStore(file)

    def write() -> None:
        with store.write() as connection:
            connection.execute("INSERT INTO history VALUES (1, 0, 'a', 'put', '', '{}')")
            connection.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(StoreError, match="no such table"):
        write()

    assert History(store).last_revision() == 0


def test_older_plan_that_this_version_does_not_read_is_no_obstacle(
    plan: MakePlan, file: Path
) -> None:
    store = SqliteStore(file)
    with store.write() as transaction:
        transaction.execute("INSERT INTO history VALUES (1, 0, 'a', 'put', '', '{}')")
    history = History(store)
    history.append(plan(), replaces=1, who="ada", action="put")

    last = history.last()

    assert last is not None
    assert last.plan == plan()
    newest, oldest = history.entries()
    assert newest.before == oldest.summary == "a plan of another version of detectlab"
    assert history.experiment_start(last) == 2


def test_experiment_begins_where_the_versions_were_put_together(
    plan: MakePlan, store: SqliteStore
) -> None:
    history = History(store)
    other = plan(candidate={"model": "nano", "input_size": 224})
    for number, one in enumerate([plan(), other, plan("shadow"), plan(), plan("stable")]):
        history.append(one, replaces=number, who="ada", action="put")
    last = history.last()
    assert last is not None

    assert history.experiment_start(last) == 3


def test_read_does_not_wait_for_a_write_of_another_process(plan: MakePlan, file: Path) -> None:
    store = SqliteStore(file)
    History(store).append(plan(), replaces=0, who="ada", action="put")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        failed = threading.Event()

        def write() -> None:
            with pytest.raises(StoreError, match="locked"):
                History(store).append(plan(), replaces=1, who="bob", action="put")
            failed.set()

        writer = threading.Thread(target=write)
        writer.start()
        read = [History(store).last_revision() for _ in range(50)]
        assert not failed.is_set()  # the write still waits
        writer.join()

    assert read == [1] * 50


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_rollout_file_is_for_its_user_only(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "rollout.sqlite")

    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())
    store.close()
