"""Worker pool whose detectors run in the replicas of a cluster."""

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

# Loaded detectors take memory in their replicas, not here.
_NO_LIMIT_MB = 1 << 40
# One controller answers all gateways, so they poll it faster only while a detector is missing.
_REFRESH_S = 5.0
_REFRESH_INCOMPLETE_S = 1.0


class Cluster(Protocol):
    """Operations of the cluster that a gateway uses."""

    def deployed(self) -> Mapping[str, bool]:
        """The deployed detectors, each with whether a replica can answer; blocks.

        Raises:
            Unavailable: The cluster does not answer.
        """

    def detect(
        self,
        name: str,
        image: NDArray[np.uint8],
        confidence: float,
        nms_threshold: float,
        deadline: Deadline,
    ) -> Detections:
        """Run a detection on a replica; blocks.

        Args:
            name: Name of the detector's application.
            image: Picture `(height, width, 3)` uint8, BGR.
            confidence: Confidence threshold, in `[0, 1]`.
            nms_threshold: IoU above which the weaker of two boxes is suppressed, in `[0, 1]`.
            deadline: Deadline of the request.

        Raises:
            PoolFull: The replicas' queue is full.
            Unavailable: No replica can answer.
            DeadlinePassed: No replica answered in time.
        """


class RemoteDetector:
    """Proxy for a detector of the cluster; thread-safe, like all detectors.

    Args:
        card: Card of the detector; its name is the application's.
        cluster: The cluster that runs it.
        deadline: Makes the deadline of a detection.
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
        """Find the objects in one picture; raises the errors of `Cluster.detect`."""
        return self._cluster.detect(self.name, image, confidence, nms_threshold, self._deadline())

    def until(self, deadline: Deadline) -> "RemoteDetector":
        """The same detector with a fixed deadline."""
        return RemoteDetector(self._card, self._cluster, lambda: deadline)


class CachedState:
    """The cluster's state, cached and refreshed in the background; only the first read blocks.

    Args:
        read: Reads the state; when it fails, the previous state stays valid.
        names: Detectors that should be deployed; while one is missing, refreshes are more frequent.
    """

    def __init__(self, read: Callable[[], Mapping[str, bool]], names: Iterable[str]) -> None:
        self._read = read
        self._names = tuple(names)
        self._refreshing = threading.Lock()
        self._state: Mapping[str, bool] | None = None
        self._refresh_at = 0.0

    @property
    def current(self) -> Mapping[str, bool]:
        """The deployed detectors, each with whether a replica can answer."""
        if self._state is None:
            self._refresh()
        elif time.monotonic() >= self._refresh_at and not self._refreshing.locked():
            threading.Thread(target=self._refresh, name="cluster-state", daemon=True).start()
        return self._state or {}

    def _refresh(self) -> None:
        with self._refreshing:
            try:
                self._state = self._read()
            except Unavailable as error:
                logger.warning("The cluster's state cannot be read: %s", error)
            is_complete = all((self._state or {}).get(name) for name in self._names)
            # Random, so that gateways which started together do not ask together.
            pause_s = (_REFRESH_S if is_complete else _REFRESH_INCOMPLETE_S) * random.uniform(
                0.8, 1.2
            )
            self._refresh_at = time.monotonic() + pause_s


class RayPool(ThreadPool):
    """Worker pool that runs detections on a cluster, with the limits of one machine.

    Its threads decode pictures here and wait for the replicas' answers, so the queue, rejections,
    deadlines and shutdown work as on one machine.

    Args:
        cards: Cards of the detectors, by the names of their applications; the first one is the
            default.
        cluster: The cluster that runs them.
        settings: Limits: concurrent requests, queue, and deadline.
    """

    def __init__(
        self, cards: Mapping[str, ModelCard], cluster: Cluster, settings: Settings
    ) -> None:
        unlimited = settings.model_copy(update={"memory_limit_mb": _NO_LIMIT_MB})
        super().__init__(self._proxy, cards, next(iter(cards)), unlimited)
        self._cluster = cluster
        self._seconds = settings.deadline_s
        self._deployed = CachedState(cluster.deployed, cards)

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the detectors with a replica that can answer."""
        return tuple(name for name in self.cards if self._deployed.current.get(name))

    def is_available(self, name: str) -> bool:
        """Whether a replica of `name` can answer."""
        return self._deployed.current.get(name, False)

    async def load(self, name: str, deadline: Deadline) -> None:
        """Check that a replica can answer; raises as `run` does."""
        self._check(self.is_available(name), name)
        await super().load(name, deadline)

    async def run(self, name: str, work: Callable[[Detector], T], deadline: Deadline) -> T:
        """Call `work` with the proxy for the detector `name`, as `ThreadPool.run` does."""
        # A detector whose only replica is being replaced may be waited for.
        self._check(name in self._deployed.current, name)

        def work_in_time(detector: Detector) -> T:
            assert isinstance(detector, RemoteDetector)
            return work(detector.until(deadline))

        return await super().run(name, work_in_time, deadline)

    def keep(self, names: Iterable[str]) -> None:
        """Do nothing: the cluster decides how many replicas a detector has."""

    def _proxy(self, name: str) -> Detector:
        self._check(name in self._deployed.current, name)
        return RemoteDetector(self.cards[name], self._cluster, lambda: Deadline(self._seconds))

    @staticmethod
    def _check(is_there: bool, name: str) -> None:
        if not is_there:
            raise Unavailable(
                f"No replica of the detector `{name}` can answer now. There, `detectlab cluster "
                "status` shows why.",
                retry_after_s=5,
            )
