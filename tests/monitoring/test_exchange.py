"""Gateways of a cluster add up what they watch, and follow one baseline."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import testing
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from detectlab.cluster.shared_store import SharedStore, StoreHolder
from detectlab.monitoring.baseline import Baseline, TooFewPictures
from detectlab.monitoring.exchange import BaselineNotShared, Exchange
from detectlab.monitoring.metrics import MonitoringMetrics
from detectlab.monitoring.monitor import Monitor
from detectlab.monitoring.report import report
from detectlab.monitoring.sketch import Sketch
from detectlab.rollout.store import StoreError
from detectlab.serving.observation import Observation
from detectlab.vision.detections import Detections

NOTHING = Detections.empty(("apple",))


@pytest.fixture
def store(tmp_path: Path) -> SharedStore:
    return SharedStore(StoreHolder(tmp_path / "rollout.sqlite"))


@pytest.fixture
def make_gateway(tmp_path: Path, store: SharedStore) -> Callable[..., Monitor]:
    """Makes gateways, each with a folder of its own; they exchange when the test says so."""

    def make(name: str) -> Monitor:
        metrics = MonitoringMetrics(CollectorRegistry())
        return Monitor(tmp_path / name, metrics, exchange=Exchange(store))

    return make


def watch(gateway: Monitor, count: int, *, first: int = 0, level: float = 100) -> None:
    """Let a gateway answer some pictures of about this brightness."""
    for seed in range(first, first + count):
        grey = int(np.random.default_rng(seed).normal(level, 10))
        pixels = np.full((9, 9, 3), max(0, grey), np.uint8)
        gateway.observed.append(
            Observation(float(seed), "nano", "stable", NOTHING, ("apple",), (9, 9), 400, pixels)
        )
        gateway.drain()


def exchange(*gateways: Monitor) -> None:
    """Let gateways tell each other what they know: twice, so that all know of all."""
    for gateway in gateways * 2:
        assert gateway.exchange is not None
        gateway.exchange.exchange(gateway.state(), gateway.store)


def test_numbers_of_all_gateways_are_added_up(make_gateway: Callable[..., Monitor]) -> None:
    first, second, idle = make_gateway("a"), make_gateway("b"), make_gateway("c")
    watch(first, 130, level=100)
    watch(second, 70, first=130, level=200)

    exchange(first, second, idle)

    reports = [report(gateway, 1.0) for gateway in (first, second, idle)]
    (watched,) = reports[0]["watches"]
    assert reports[0] == reports[1] == reports[2]
    assert (watched["pictures"], watched["window"], watched["gateways"]) == (200, 200, 2)
    both = Sketch()
    for gateway in (first, second):
        both = both + gateway.watches["nano", "stable"].recent(500)
    brightness = next(one for one in watched["statistics"] if one["name"] == "brightness")
    assert brightness["seen"] == 200
    assert brightness["typical"]["now"] == float(f"{both.quantile('brightness', 0.5):.3g}")
    assert len(watched["timeline"]) == 1


def test_baseline_is_of_all_gateways_and_in_force_at_all(
    make_gateway: Callable[..., Monitor],
) -> None:
    first, second = make_gateway("a"), make_gateway("b")
    watch(first, 90)
    watch(second, 30, first=90)
    with pytest.raises(TooFewPictures, match="There are 90 of nano"):
        first.freeze("nano", 1000)
    exchange(first, second)

    frozen = first.freeze("nano", 1000)

    assert frozen.source == "the last 120 pictures of lane stable at 2 gateways"
    exchange(first, second)
    taken = second.store.load("nano")
    assert taken is not None
    assert taken.as_json() == frozen.as_json()
    share = first.freeze("nano", 100).sketch.pictures
    assert share == 75 + 25, "each gateway gives its share of the traffic"
    exchange(second)
    newer = second.store.load("nano")
    assert newer is not None
    assert newer.sketch.pictures == 100


def test_alarm_of_one_gateway_is_told_by_all(make_gateway: Callable[..., Monitor]) -> None:
    first, second = make_gateway("a"), make_gateway("b")
    watch(first, 200)
    watch(second, 50, first=200)
    first.freeze("nano", 200)
    exchange(first, second)

    watch(first, 60, first=300, level=20)
    exchange(first, second)

    told = report(second, 1.0)
    (watched,) = told["watches"]
    assert watched["alarm"]["moved"][0]["name"] == "brightness"
    assert watched["verdict"].startswith("Alarm: nano (stable), since ")
    assert watched["evidence"] == 1.0
    assert [alarm["at"] for alarm in told["alarms"]] == [watched["alarm"]["at"]]


def test_baseline_from_before_the_cluster_is_taken_over_and_the_first_one_holds(
    make_gateway: Callable[..., Monitor], usual: Sketch
) -> None:
    first, second = make_gateway("a"), make_gateway("b")
    for gateway, source in ((first, "the first"), (second, "the second")):
        gateway.store.save(Baseline.freeze("nano", usual, classes=(), source=source))

    exchange(first, second)

    for gateway in (first, second):
        baseline = gateway.store.load("nano")
        assert baseline is not None
        assert baseline.source == "the first"


def test_gateway_of_another_version_or_that_ended_is_left_out(
    make_gateway: Callable[..., Monitor], store: SharedStore
) -> None:
    first, other, ended = make_gateway("a"), make_gateway("b"), make_gateway("c")
    watch(first, 10)
    watch(ended, 10)
    state = first.state()
    state["watches"][0]["recent"]["statistics"] = ["brightness"]
    assert other.exchange is not None
    other.exchange.exchange(state, other.store)
    exchange(ended)
    with store.write() as transaction:
        transaction.execute(
            "UPDATE monitoring_gateways SET at = at - 31 WHERE gateway = ?",
            (ended.exchange._gateway if ended.exchange else "",),
        )

    exchange(first)

    assert report(first, 1.0)["watches"][0]["pictures"] == 10
    rows = store.read("SELECT count(*) AS count FROM monitoring_gateways")
    assert rows == [{"count": 2}], "what is stale is deleted"


class BrokenStore(SharedStore):
    """A store whose holder cannot be reached."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def write(self) -> Any:
        self.asked.set()
        raise StoreError("The rollout's store cannot be reached: no route")


def test_store_that_cannot_be_reached_is_told_and_watching_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = BrokenStore()
    metrics = MonitoringMetrics(CollectorRegistry())
    gateway = Monitor(tmp_path, metrics, exchange=Exchange(broken))
    gateway.open()
    assert broken.asked.wait(30)
    watch(gateway, 120)

    with pytest.raises(BaselineNotShared, match="cannot be reached: no route"):
        gateway.freeze("nano", 120)
    gateway.close()

    (watched,) = report(gateway, 1.0)["watches"]
    assert (watched["pictures"], watched["baseline"]["pictures"]) == (120, 120)
    assert "Monitoring cannot be exchanged with other gateways" in caplog.text


def test_gateways_of_a_cluster_follow_a_baseline_by_themselves(
    make_client: Callable[..., TestClient],
    fake: testing.FakeDetector,
    send: Callable[..., None],
    store: SharedStore,
    tmp_path: Path,
) -> None:
    first = make_client(fake, home=tmp_path / "a", store=store)
    send(first, 110)
    assert first.post("/monitoring/baseline").json()["pictures"] == 110

    second = make_client(fake, home=tmp_path / "b", store=store)

    testing.wait_until(
        lambda: (
            second.get("/monitoring").json()["other_baselines"] == ["fake"]
            or second.get("/monitoring").json()["watches"]
        ),
        "the baseline of the other gateway",
    )
