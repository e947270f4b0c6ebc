"""A real server with many clients: switches, shadows and failing candidates harm no answer."""

import concurrent.futures
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import cv2
import numpy as np
import pytest
import requests
from testing import pixels_of, wait_until

from detectlab.client import RequestFailed

pytestmark = pytest.mark.slow

CLIENTS = 16
NEW = {"model": "nano", "input_size": 256}
PLAN = {
    "mode": "blue_green",
    "stable": {"model": "nano"},
    "candidate": NEW,
    "guard_rails": {"max_p95_ratio": None},  # a busy machine must not switch on its own
}


@pytest.fixture(scope="module")
def pictures(root: Any) -> list[bytes]:
    """Small pictures: the machine's time belongs to what is tested."""
    made = []
    for name in ("apples", "oranges", "clock", "car"):
        pixels = pixels_of(root / "images" / f"{name}.jpg")
        assert pixels is not None
        done, data = cv2.imencode(".jpg", cv2.resize(pixels, (320, 240)))
        assert done
        made.append(np.asarray(data).tobytes())
    return made


class Crowd:
    """Clients that ask all the time, and what they were told."""

    def __init__(self, url: str, pictures: list[bytes]) -> None:
        self.answers: list[tuple[int, str, str]] = []  # picture, who, what
        self.statuses: Counter[int] = Counter()
        self._url, self._pictures = url, pictures
        self._stop = threading.Event()

    def client(self, number: int) -> None:
        headers = {"Accept": "application/json"}
        with requests.Session() as session:
            for turn in itertools.count(number):
                if self._stop.is_set():
                    return
                which = turn % len(self._pictures)
                answer = session.post(
                    f"{self._url}/predict",
                    files={"file": self._pictures[which]},
                    headers={**headers, "X-Client-ID": f"{number}-{turn % 40}"},
                    timeout=120,
                )
                self.statuses[answer.status_code] += 1
                if answer.ok:
                    found = answer.json()
                    assert found["model"] == answer.headers["X-Model"]
                    self.answers.append((which, found["model"], str(found["detections"])))

    @contextmanager
    def asking(self, clients: int = CLIENTS) -> Iterator[None]:
        with concurrent.futures.ThreadPoolExecutor(clients) as threads:
            tasks = [threads.submit(self.client, number) for number in range(clients)]
            try:
                yield
            finally:
                self._stop.set()
        for task in tasks:
            task.result()


@pytest.fixture
def server(serve: Callable[..., Any]) -> Iterator[Any]:
    with serve() as running:
        yield running


def switch(client: Any, *, to_green: bool) -> dict[str, Any]:
    return client.promote(anyway=True) if to_green else client.rollback()


def lone_answers(server: Any, pictures: list[bytes]) -> dict[tuple[int, str], str]:
    """What each side says when nobody else asks."""
    said = {}
    for _ in range(2):
        for number, picture in enumerate(pictures):
            found = server.client.ask(picture, "alone")
            said[number, found["model"]] = str(found["detections"])
        now = server.client.status()["plan"]
        if now["mode"] == "blue_green":
            switch(server.client, to_green=now["live"] == "blue")
    return said


def test_100_switches_under_load_fail_nobody_and_mix_nothing(
    server: Any, pictures: list[bytes]
) -> None:
    server.client.put(PLAN)
    alone = lone_answers(server, pictures)
    first = server.client.status()["revision"]
    crowd = Crowd(server.url, pictures)
    with crowd.asking():
        for turn in range(100):
            switch(server.client, to_green=turn % 2 == 0)

    assert set(crowd.statuses) == {200}
    wrong = [one for one in crowd.answers if alone[one[:2]] != one[2]]
    assert wrong == []
    assert {who for _, who, _ in crowd.answers} == {"nano", "nano@input_size=256"}
    history = server.client.history(1000)
    assert [e["revision"] for e in history] == list(range(first + 100, 0, -1))
    assert [e["at"] for e in history] == sorted((e["at"] for e in history), reverse=True)
    assert all(new["from"] == old["to"] for new, old in itertools.pairwise(history))


@pytest.mark.parametrize("drill", ["raises", "hangs", "eats_memory"])
def test_shadow_that_fails_changes_no_answer(
    server: Any, pictures: list[bytes], drill: str
) -> None:
    alone = lone_answers(server, pictures)
    server.client.put(
        {
            "mode": "shadow",
            "stable": {"model": "nano"},
            "candidate": {"model": "nano", "drill": drill},
            "shadow": {"timeout_s": 0.5, "memory_mb": 128, "busy_share": 1.0},
        }
    )
    rss = server.usage.memory_info().rss
    crowd = Crowd(server.url, pictures)

    def failed() -> bool:
        text = requests.get(f"{server.url}/metrics", timeout=30).text
        return 'detectlab_rollout_shadowed_total{outcome="failed"} 0.0' not in text

    with crowd.asking(4):
        wait_until(failed, "the candidate to fail", 120)

    assert set(crowd.statuses) == {200}
    assert [one for one in crowd.answers if alone[one[:2]] != one[2]] == []
    assert {who for _, who, _ in crowd.answers} == {"nano"}
    children = server.usage.children(recursive=True)
    assert sum(child.memory_info().rss for child in children) < 700 << 20
    assert server.usage.memory_info().rss - rss < 200 << 20


@pytest.mark.parametrize(
    ("drill", "reason"),
    [("raises", "answers failed"), ("slow", "too slow"), ("hangs", "too slow")],
)
def test_bad_canary_is_stopped_within_5_s_of_its_first_errors(
    server: Any, pictures: list[bytes], drill: str, reason: str
) -> None:
    crowd = Crowd(server.url, pictures)
    server.client.put(
        {
            "mode": "canary",
            "stable": {"model": "nano"},
            "candidate": {"model": "nano", "drill": drill},
            "canary": {"share": 0.3},
        }
    )
    with crowd.asking(4):
        wait_until(lambda: server.client.status()["plan"]["mode"] == "stable", "the rails", 120)
        stopped = server.client.history(1)[0]
        bad_before = sum(count for status, count in crowd.statuses.items() if status != 200)

    assert (stopped["who"], stopped["action"]) == ("guard rails", "rollback")
    assert reason in stopped["why"]
    assert server.client.status()["problem"] is None
    if drill == "raises":
        assert bad_before
        first = server.client.report()
        assert first["versions"]["candidate"]["failures"] >= 3
        began = first["versions"]["candidate"]["first_failure"]
        seconds = _time(stopped["at"]) - _time(began)
        assert seconds < 5


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_server_that_is_killed_in_the_middle_of_a_switch_comes_back_with_a_whole_plan(
    serve: Callable[..., Any], pictures: list[bytes]
) -> None:
    said: list[dict[str, Any]] = []
    with serve() as server:
        said.append(server.client.put(PLAN))

        def switch_often() -> None:
            try:
                for turn in itertools.count():
                    said.append(switch(server.client, to_green=turn % 2 == 0))
            except RequestFailed:
                pass  # it was killed

        thread = threading.Thread(target=switch_often)
        thread.start()
        until = time.monotonic() + 60
        while len(said) < 8 and time.monotonic() < until:
            time.sleep(0.005)
        server.process.kill()
        thread.join(120)
    with serve() as server:
        now = server.client.status()
        answered = server.client.ask(pictures[0], "ada")["model"]

    assert now["revision"] - said[-1]["revision"] in (0, 1)
    live = "green" if now["revision"] % 2 == 0 else "blue"
    assert now["plan"]["live"] == live
    assert answered == ("nano@input_size=256" if live == "green" else "nano")
    assert now["durable"]
