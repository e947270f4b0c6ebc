"""The worker threads that run detections in this process, and their queue."""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from detectlab.detection.detector import Detector
from detectlab.models.registry import ModelCard
from detectlab.serving.deadline import Deadline, DeadlinePassed
from detectlab.serving.known_detectors import KnownDetectors
from detectlab.serving.pool import PoolClosed, PoolFull
from detectlab.settings import Settings

T = TypeVar("T")
_Job = tuple[Future[Any], str, Callable[[], Any]]  # where the result goes, detector, and work


class ThreadPool(KnownDetectors):
    """Runs detections in this process: `workers` at once, `queue_size` more may wait.

    A request is refused when its expected wait is longer than `max_wait_s` or than its deadline.
    That is the measured time of the detections ahead of it, shared by the workers.

    The arguments are those of `KnownDetectors`.
    """

    def __init__(
        self,
        load: Callable[[str], Detector] | None = None,
        cards: Mapping[str, ModelCard] | None = None,
        default: str | None = None,
        settings: Settings | None = None,
    ) -> None:
        super().__init__(load, cards, default, settings)
        self._condition = threading.Condition()  # guards everything below
        self._open = True
        self._admitted = 0
        self._mean_s: dict[str, float] = {}  # of recent work, by detector
        self._ahead_s = 0.0  # expected time of all that was admitted
        self._started: dict[int, float] = {}  # when the work of each busy worker began
        self._longest_s = 0.0
        self._jobs: set[Future[Any]] = set()
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = 0

    @property
    def running(self) -> int:
        """How many detections run now."""
        return len(self._started)

    @property
    def longest_s(self) -> float:
        """Longest time that a worker was busy with one request, including those that run now."""
        with self._condition:
            return max(self._longest_s, self._busy_s())

    @property
    def waiting(self) -> int:
        """How many requests wait for a worker or for their detector to load."""
        return max(0, self._admitted - self.running)

    async def load(self, name: str, deadline: Deadline) -> None:
        """Load a detector ahead of its first use, as `Pool.load` says.

        Raises:
            Unavailable: When it cannot be loaded.
            DeadlinePassed: When that takes longer; it goes on.
        """
        await _result(self._detector(name), deadline)

    async def run(self, name: str, work: Callable[[Detector], T], deadline: Deadline) -> T:
        """Call `work` with a detector in a worker thread, and give its result.

        Cancelling this, or its deadline, takes a waiting call out of the queue. Work that has begun
        cannot be stopped: its worker and its place are free when it ends.

        Args:
            name: One of `cards`.
            work: Called with the detector; should check the deadline when it takes long.
            deadline: Until when the result is wanted.

        Raises:
            PoolFull: When the queue is full, or the expected wait too long.
            PoolClosed: When the pool is shutting down.
            Unavailable: When the detector cannot be loaded.
            DeadlinePassed: When there is no result in time.
        """
        expected_s = self._enter(name, deadline)
        try:
            loading = self._detector(name)
            # Nearly always it is loaded: this saves a turn of the event loop.
            detector = loading.result() if loading.done() else await _result(loading, deadline)
            job: Future[T] = self._submit(name, lambda: work(detector))
        except BaseException:
            self._leave(expected_s)
            raise
        job.add_done_callback(partial(self._forget, expected_s))
        return await _result(job, deadline)

    def open(self) -> None:
        """Take work, again after a `close`."""
        with self._condition:
            self._open = True

    def refuse(self) -> None:
        """Reject new work and the queue; running work continues."""
        with self._condition:
            self._open = False
            jobs = list(self._jobs)
        for job in jobs:
            job.cancel()  # only those that have not begun
        self._cache.fail_pending(PoolClosed())

    def close(self, grace_s: float) -> None:
        """`refuse()`, then wait until running work has ended, at most `grace_s` seconds."""
        self.refuse()
        with self._condition:
            self._condition.wait_for(lambda: self._admitted == 0, grace_s)
            for _ in range(self._threads):
                self._queue.put(None)
            self._threads = 0

    def _enter(self, name: str, deadline: Deadline) -> float:
        """Admit a request, and return how long its work is expected to take."""
        workers = self._settings.workers
        with self._condition:
            if not self._open:
                raise PoolClosed
            wait_s = self._ahead_s / workers if self._admitted >= workers else 0.0
            is_full = self._admitted >= workers + self._settings.queue_size
            is_late = wait_s and wait_s > min(self._settings.max_wait_s, deadline.remaining_s)
            if is_full or is_late:
                raise PoolFull(max(1, math.ceil(wait_s)))
            # Nothing is expected of a detector that was not used yet: it causes no refusal.
            expected_s = self._mean_s.get(name, 0.0)
            self._admitted += 1
            self._ahead_s += expected_s
            return expected_s

    def _leave(self, expected_s: float) -> None:
        with self._condition:
            self._admitted -= 1
            self._ahead_s = self._ahead_s - expected_s if self._admitted else 0.0
            self._condition.notify_all()

    def _submit(self, name: str, work: Callable[[], T]) -> "Future[T]":
        job: Future[T] = Future()
        with self._condition:
            if not self._open:
                raise PoolClosed
            self._jobs.add(job)
            self._queue.put((job, name, work))
            if self._threads < self._settings.workers:
                self._threads += 1
                threading.Thread(target=self._work, name="detect", daemon=True).start()
        return job

    def _forget(self, expected_s: float, job: "Future[Any]") -> None:
        with self._condition:
            self._jobs.discard(job)
        self._leave(expected_s)

    def _work(self) -> None:
        """Worker thread loop."""
        while (job := self._queue.get()) is not None:
            future, name, work = job
            if not future.set_running_or_notify_cancel():
                continue
            with self._condition:
                self._started[threading.get_ident()] = time.perf_counter()
            result, error = _attempt(work)
            with self._condition:
                self._longest_s = max(self._longest_s, self._busy_s())
                seconds = time.perf_counter() - self._started.pop(threading.get_ident())
                mean_s = self._mean_s.get(name, seconds)
                self._mean_s[name] = mean_s + 0.1 * (seconds - mean_s)
            if error:
                future.set_exception(error)
            else:
                future.set_result(result)
            # Frees the picture that they hold: the next job may come much later.
            del job, future, work, result, error

    def _busy_s(self) -> float:
        return time.perf_counter() - min(self._started.values(), default=math.inf)

    def _detector(self, name: str) -> "Future[Detector]":
        return self._cache.get(name, self._fixed_cards.get(name) or self.cards.get(name))


def _attempt(work: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    """The result of `work` or what it raised."""
    try:
        return work(), None
    except BaseException as error:
        return None, error


async def _result(future: "Future[T]", deadline: Deadline) -> T:
    """Wait for a future of another thread, until the deadline or a cancellation."""
    waiter = asyncio.wrap_future(future)
    try:
        await asyncio.wait({waiter}, timeout=deadline.remaining_s)
    finally:
        if not waiter.done():
            waiter.cancel()  # passed on to a job that has not begun; harmless to a load
    if waiter.cancelled() and future.cancelled():
        raise PoolClosed
    if waiter.cancelled():
        raise DeadlinePassed(deadline.seconds)
    return waiter.result()
