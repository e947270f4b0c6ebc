"""The versions of a plan while they run: loaded, warm, with workers of their own."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import numpy as np

from detectlab.detection.detector import Detector, load_detector
from detectlab.rollout.fault_injection import FaultyDetector
from detectlab.rollout.plan import Version
from detectlab.serving.deadline import Deadline
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.pool import Pool, PoolFull
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings

Load = Callable[[str], Detector]
_WARM_UP_SHAPE = (240, 320, 3)


class UnusableVersion(ValueError):
    """The server cannot run a version of a plan; the message says what it can."""


def load_version(
    version: Version, load: Load | None = None, settings: Settings | None = None
) -> Detector:
    """Load a version's detector, and warm it up, so that no request pays for it.

    Args:
        version: The version.
        load: Loads a detector by its name; by default one of the registry.
        settings: Where the registry's are stored; by default the environment's.

    Raises:
        ValueError: When there is no such detector or engine.
        Exception: Whatever loading it, or its first detection, raises.
    """
    detector: Detector
    if load and not (version.engine or version.input_size):
        detector = load(version.model)
    else:
        detector = load_detector(version.model, version.engine, version.input_size, settings)
    _warm_up(detector)
    return FaultyDetector(detector, version.drill) if version.drill else detector


def check_version(version: Version, pool: Pool) -> None:
    """Raise `UnusableVersion` unless a pool has a version's detector and its files.

    Args:
        version: The version.
        pool: Knows the detectors.
    """
    if version.model not in pool.cards:
        raise UnusableVersion(
            f"`model` must be one of {', '.join(pool.cards)}. Received: {version.model[:40]!a}"
        )
    if not pool.is_available(version.model):
        raise UnusableVersion(
            f"The weights of `{version.model}` are not on this server. Fetch them there with "
            f"`detectlab models pull {version.model}`, then send the plan again."
        )
    if pool.given_load and (version.engine or version.input_size):
        raise UnusableVersion(
            "This server was given its detectors ready-made: `engine` and `input_size` cannot be "
            "chosen."
        )


class RunningVersion:
    """A version that takes requests.

    A plain stable version runs in the server's own pool; every other one has workers and a queue of
    its own, so that a candidate that hangs or is slow delays no other request.

    Args:
        version: The version.
        pool: Runs it.
        detector_name: Name of its detector in the pool; by default the version's.
        owns_pool: Whether the pool is closed with the version.

    Attributes:
        warm_up_s: Time of a detection during the warm-up, in seconds; `None` before.
    """

    def __init__(
        self, version: Version, pool: Pool, *, detector_name: str = "", owns_pool: bool = False
    ) -> None:
        self.version = version
        self.pool = pool
        self.detector_name = detector_name or version.model
        self.owns_pool = owns_pool
        self.warm_up_s: float | None = None
        self._is_warm = False
        self._users = 0  # this and the next: changed on the event loop only
        self._is_retired = False

    @classmethod
    def with_workers(cls, pool: Pool, version: Version, settings: Settings) -> "RunningVersion":
        """A version with workers of its own.

        Args:
            pool: The server's pool, which knows the detectors.
            version: The version.
            settings: Number of workers and size of the queue.
        """
        given_load = pool.given_load

        def load(name: str) -> Detector:
            try:
                return load_version(version, given_load, settings)
            except ValueError as error:  # says what to do; other errors go to the log
                raise Unavailable(str(error)) from error

        card = pool.cards.get(version.model)  # `None`: removed since the plan was made
        cards = {version.label: replace(card, name=version.label)} if card else {}
        own_pool = ThreadPool(load, cards, version.label, settings)
        return cls(version, own_pool, detector_name=version.label, owns_pool=True)

    async def warm_up(self, workers: int, deadline: Deadline) -> None:
        """Load the detector and run it once in every worker; only the first call does so.

        Args:
            workers: How many.
            deadline: For all of it.

        Raises:
            Unavailable: When it cannot be loaded.
            DeadlinePassed: When that takes longer.
        """
        if self._is_warm:
            return  # its workers are busy with requests, or hang
        await self.pool.load(self.detector_name, deadline)
        runs = [
            self.pool.run(self.detector_name, _warm_up_healthy, deadline)
            for _ in range(workers if self.owns_pool else 1)
        ]
        with suppress(PoolFull):  # of the server's pool: its workers are warm
            self.warm_up_s = max(await asyncio.gather(*runs))
        self._is_warm = True

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep it open for a request, even when it is retired meanwhile."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._close_if_unused()

    def refuse(self) -> None:
        """Reject new and queued requests, unless the server's pool does so."""
        if self.owns_pool:
            self.pool.refuse()

    def retire(self) -> None:
        """Close it after its last request."""
        self._is_retired = True
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self.owns_pool and self._is_retired and not self._users:
            self.pool.close(0)  # a worker that hangs would never end


def _warm_up(detector: Detector) -> float:
    started = time.perf_counter()
    detector.detect(np.full(_WARM_UP_SHAPE, 127, np.uint8))
    return time.perf_counter() - started


def _warm_up_healthy(detector: Detector) -> float:
    """Warm up a detector without its injected fault."""
    return _warm_up(detector.healthy if isinstance(detector, FaultyDetector) else detector)
