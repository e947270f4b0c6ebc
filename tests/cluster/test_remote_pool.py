"""A pool over a cluster that is played in this process."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from detectlab.cluster.remote_pool import RayPool
from detectlab.detection.detector import Detector
from detectlab.models.registry import get_card
from detectlab.serving.deadline import Deadline
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.pool import PoolFull
from detectlab.settings import Settings
from detectlab.vision.detections import Detections

CARDS = {name: replace(get_card("nano"), name=name) for name in ("one", "two", "gone")}
PICTURE = np.zeros((20, 30, 3), np.uint8)


class PlayedCluster:
    """Says what is deployed, and finds nothing in any picture."""

    def __init__(self) -> None:
        self.states: Mapping[str, bool] = {"one": True, "two": False}
        self.error: Exception | None = None
        self.asked: list[tuple[str, float, float, float]] = []

    def deployed(self) -> Mapping[str, bool]:
        if self.error:
            raise self.error
        return self.states

    def detect(
        self,
        name: str,
        image: NDArray[np.uint8],
        confidence: float,
        nms_threshold: float,
        deadline: Deadline,
    ) -> Detections:
        if self.error:
            raise self.error
        self.asked.append((name, confidence, nms_threshold, deadline.seconds))
        return Detections.empty(CARDS[name].classes)


@pytest.fixture
def cluster() -> PlayedCluster:
    return PlayedCluster()


@pytest.fixture
def pool(cluster: PlayedCluster) -> RayPool:
    return RayPool(CARDS, cluster, Settings(workers=2, queue_size=2, deadline_s=7))


def run(pool: RayPool, name: str, seconds: float = 3) -> Detections:
    def work(detector: Detector) -> Detections:
        assert (detector.name, detector.names) == (name, CARDS[name].classes)
        return detector.detect(PICTURE, 0.4, 0.2)

    return asyncio.run(pool.run(name, work, Deadline(seconds)))


def test_run_asks_the_application_of_that_name_until_the_deadline(
    pool: RayPool, cluster: PlayedCluster
) -> None:
    assert len(run(pool, "one")) == 0
    assert cluster.asked == [("one", 0.4, 0.2, 3)]
    assert (pool.default, pool.running, pool.waiting) == ("one", 0, 0)
    pool.close(5)


def test_detector_without_a_request_has_the_deadline_of_the_settings(
    pool: RayPool, cluster: PlayedCluster
) -> None:
    assert pool.given_load
    pool.given_load("one").detect(PICTURE)

    assert cluster.asked == [("one", 0.5, 0.3, 7)]


def test_pool_tells_who_can_answer_now_and_who_may_be_waited_for(pool: RayPool) -> None:
    assert pool.loaded == ("one",)
    assert [pool.is_available(name) for name in CARDS] == [True, False, False]
    assert len(run(pool, "two")) == 0  # its only replica may be on its way
    with pytest.raises(Unavailable, match="No replica of the detector `gone` can answer now"):
        run(pool, "gone")
    with pytest.raises(Unavailable, match="No replica of the detector `two`"):
        asyncio.run(pool.load("two", Deadline(1)))
    asyncio.run(pool.load("one", Deadline(5)))
    pool.close(5)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(PoolFull(3), "Ask again in 3 s", id="full"),
        pytest.param(Unavailable("The replicas are away."), "are away", id="away"),
    ],
)
def test_what_the_cluster_refuses_reaches_who_asked(
    pool: RayPool, cluster: PlayedCluster, error: Exception, told: str
) -> None:
    run(pool, "one")
    cluster.error = error

    with pytest.raises(type(error), match=told):
        run(pool, "one")
    pool.close(5)


def test_what_was_seen_holds_while_the_cluster_does_not_say(
    pool: RayPool, cluster: PlayedCluster
) -> None:
    assert pool.is_available("one")
    cluster.error = Unavailable("no answer")
    assert pool.is_available("one")
    cluster.error, cluster.states = None, {"two": True}

    until = time.monotonic() + 30
    while pool.loaded != ("two",):
        assert time.monotonic() < until, "it never looked again"
        time.sleep(0.01)
