"""A pool whose detectors run elsewhere, in the replicas of a cluster."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectlab.detection.detector import Detector
from detectlab.models.registry import ModelCard
from detectlab.serving.deadline import Deadline
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings
from detectlab.vision.detections import Detections

T = TypeVar("T")

logger = logging.getLogger(__name__)

# Loaded detectors take memory in their replicas; here they are names.
_NO_LIMIT_MB = 1 << 40
# There is one controller for all gateways: it is left alone while there is nothing to wait for.
_LOOK_EVERY_S = 5.0
_LOOK_SOON_S = 1.0


class Cluster(Protocol):
    """What a gateway needs of the cluster it runs on."""

    def deployed(self) -> Mapping[str, bool]:
        """The detectors that are deployed, and whether a replica of each can answer; blocks.

        Raises:
            Unavailable: When the cluster does not say.
        """

    def detect(
        self, name: str, image: NDArray[np.uint8], confidence: float, nms_threshold: float,
        deadline: Deadline,
    ) -> Detections:  # fmt: skip
        """Let a replica of a detector find the objects in a picture; blocks.

        Raises:
            PoolFull: When nobody more may wait for it.
            Unavailable: When no replica can answer.
            DeadlinePassed: When none did in time.
        """


class RemoteDetector:
    """Stands in for a detector of the cluster; like any, it may be called from many threads.

    Args:
        card: The detector; its name is that of the application.
        cluster: Where that runs.
        deadline: Gives the time until which a detection may take.
    """

    def __init__(self, card: ModelCard, cluster: Cluster, deadline: Callable[[], Deadline]) -> None:
        self.name = card.name
        self.names = card.classes
        self._card = card
        self._cluster = cluster
        self._deadline = deadline

    def detect(
        self, image: NDArray[np.uint8], confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        """Find the objects in one picture; raises as `Cluster.detect` does, too."""
        return self._cluster.detect(self.name, image, confidence, nms_threshold, self._deadline())

    def until(self, deadline: Deadline) -> "RemoteDetector":
        """The same detector for somebody who waits until then."""
        return RemoteDetector(self._card, self._cluster, lambda: deadline)


class Lookout:
    """Looks now and then, when somebody asks, and lets nobody wait for it but the first.

    Args:
        look: Gives what there is to see; when it fails, what was seen before goes on to hold.
        names: What should be there: as long as something is missing, it looks more often.
    """

    def __init__(self, look: Callable[[], Mapping[str, bool]], names: Iterable[str]) -> None:
        self._look = look
        self._names = tuple(names)
        self._looking = threading.Lock()
        self._seen: Mapping[str, bool] | None = None
        self._look_at = 0.0

    @property
    def seen(self) -> Mapping[str, bool]:
        """What was there a moment ago."""
        if self._seen is None:
            self._look_now()
        elif time.monotonic() >= self._look_at and not self._looking.locked():
            threading.Thread(target=self._look_now, name="lookout", daemon=True).start()
        return self._seen or {}

    def _look_now(self) -> None:
        with self._looking:
            try:
                self._seen = self._look()
            except Unavailable as error:
                logger.warning("The cluster does not say what runs: %s", error)
            is_whole = all((self._seen or {}).get(name) for name in self._names)
            # Gateways that began together do not go on to ask together.
            rest_s = (_LOOK_EVERY_S if is_whole else _LOOK_SOON_S) * random.uniform(0.8, 1.2)
            self._look_at = time.monotonic() + rest_s


class RayPool:
    """Runs detections on a cluster, behind the same limits as on one machine.

    The threads of a `ThreadPool` decode pictures here and wait for the replicas' answers: so who
    waits, who is turned away, deadlines and stopping are what they are on one machine.

    Args:
        cards: The detectors that may be asked for, by the names of their applications; the first
            one answers when none is named.
        cluster: Runs them.
        settings: How many requests are on their way at once, and how many more may wait.
    """

    def __init__(
        self, cards: Mapping[str, ModelCard], cluster: Cluster, settings: Settings
    ) -> None:
        self.cards = cards
        self.default = next(iter(cards))
        self._cluster = cluster
        self._seconds = settings.deadline_s
        unlimited = settings.model_copy(update={"memory_limit_mb": _NO_LIMIT_MB})
        self._threads = ThreadPool(self.given_load, cards, self.default, unlimited)
        self._deployed = Lookout(cluster.deployed, cards)

    def card(self, name: str) -> ModelCard | None:
        """The card of one detector."""
        return self.cards.get(name)

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the detectors that have a replica which can answer."""
        return tuple(name for name in self.cards if self._deployed.seen.get(name))

    @property
    def running(self) -> int:
        """How many requests are decoded, answered by replicas, or drawn now."""
        return self._threads.running

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return self._threads.waiting

    def is_available(self, name: str) -> bool:
        """Whether a replica of `name` can answer."""
        return self._deployed.seen.get(name, False)

    def given_load(self, name: str) -> Detector:
        """The stand-in for a detector.

        Raises:
            Unavailable: When no replica of it can answer.
        """
        self._check(name in self._deployed.seen, name)
        return RemoteDetector(self.cards[name], self._cluster, lambda: Deadline(self._seconds))

    async def load(self, name: str, deadline: Deadline) -> None:
        """Make sure that a replica can answer; raises as `run` does."""
        self._check(self.is_available(name), name)
        await self._threads.load(name, deadline)

    async def run(self, name: str, work: Callable[[Detector], T], deadline: Deadline) -> T:
        """Call `work` with a stand-in for the detector `name`, as `ThreadPool.run` does."""
        # One whose only replica is being replaced may be waited for.
        self._check(name in self._deployed.seen, name)

        def work_in_time(detector: Detector) -> T:
            assert isinstance(detector, RemoteDetector)
            return work(detector.until(deadline))

        return await self._threads.run(name, work_in_time, deadline)

    def keep(self, names: Iterable[str]) -> None:
        """Nothing: how many replicas a detector has is the cluster's business."""

    def open(self) -> None:
        """Take work, from now on or again."""
        self._threads.open()

    def refuse(self) -> None:
        """Take nothing new and send away those who wait; what runs goes on."""
        self._threads.refuse()

    def close(self, grace_s: float) -> None:
        """`refuse()`, then wait until what runs has ended, at most `grace_s` seconds."""
        self._threads.close(grace_s)

    @staticmethod
    def _check(is_there: bool, name: str) -> None:
        if not is_there:
            raise Unavailable(
                f"No replica of the detector `{name}` can answer now. There, `detectlab cluster "
                "status` shows why.",
                retry_after_s=5,
            )
