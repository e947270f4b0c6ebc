"""How many detections run at once, who waits, and who is turned away."""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol, TypeVar

from detectlab.detection.detector import Detector, load_detector
from detectlab.models.files import default_model, is_present
from detectlab.models.registry import ModelCard, registry
from detectlab.serving.deadline import Deadline, DeadlinePassed
from detectlab.serving.detector_cache import Shelf, Unavailable
from detectlab.settings import Settings

T = TypeVar("T")


class PoolFull(RuntimeError):
    """Every place in the queue is taken.

    Attributes:
        retry_after_s: When a place is likely to be free, in whole seconds.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            f"The server is busy and its queue is full. Ask again in {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class PoolClosed(RuntimeError):
    """The pool is shutting down and takes nothing new."""

    def __init__(self) -> None:
        super().__init__("The server is shutting down. Ask again in a moment.")


class Pool(Protocol):
    """What the service needs from whatever runs its detectors: threads here, a cluster elsewhere.

    Attributes:
        cards: Every detector that may be asked for now; they may change while it runs.
        default: The one that answers when none is named.
        given_load: Gives a detector by its name, where that is not the registry's business.
    """

    default: str

    @property
    def cards(self) -> Mapping[str, ModelCard]:
        """See above."""

    @property
    def given_load(self) -> Callable[[str], Detector] | None:
        """See above."""

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the detectors that can answer at once."""

    @property
    def running(self) -> int:
        """How many detections run now."""

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""

    def is_available(self, name: str) -> bool:
        """Whether `name` is loaded or could be."""

    async def load(self, name: str, deadline: Deadline) -> None:
        """Load a detector ahead of its first use; raises as `run` does."""

    async def run(self, name: str, work: Callable[[Detector], T], deadline: Deadline) -> T:
        """Call `work` with the detector `name`, off the event loop, when it is its turn."""

    def keep(self, names: Iterable[str]) -> None:
        """Let none of these detectors make room for others; replaces what was kept before."""

    def open(self) -> None:
        """Take work, from now on or again."""

    def refuse(self) -> None:
        """Take nothing new and send away those who wait; what runs goes on."""

    def close(self, grace_s: float) -> None:
        """`refuse()`, then wait until what runs has ended, at most `grace_s` seconds."""


class ThreadPool:
    """Runs detections in this process: `workers` at once, `queue_size` more may wait.

    Args:
        load: Gives the detector of a name; by default one of the registry, whose files must be
            present unless it is the default or `fetch_on_demand` is set.
        cards: The detectors that may be asked for; by default the registry.
        default: The one that answers when none is named; by default as `default_model` says.
        settings: By default those of the environment.
    """

    def __init__(
        self,
        load: Callable[[str], Detector] | None = None,
        cards: Mapping[str, ModelCard] | None = None,
        default: str | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._settings = settings or Settings()
        self._cards = cards
        self.default = default or default_model(self._settings)
        self.given_load = load
        self._shelf = Shelf(
            load or self._load_present,
            self._size_bytes,
            self._settings.memory_limit_mb << 20,
            self._settings.load_retry_s,
        )
        self._condition = threading.Condition()  # guards everything below
        self._open = True
        self._admitted = 0
        self._running = 0
        self._mean_s = 0.1  # of recent detections, for Retry-After
        self._jobs: set[Future[Any]] = set()
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = 0

    @property
    def cards(self) -> Mapping[str, ModelCard]:
        """Every detector that may be asked for now: one may be added or removed meanwhile."""
        return registry(self._settings) if self._cards is None else self._cards

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the detectors that are in memory."""
        return self._shelf.loaded

    @property
    def running(self) -> int:
        """How many detections run now."""
        return self._running

    @property
    def waiting(self) -> int:
        """How many requests wait for a worker or for their detector."""
        return max(0, self._admitted - self._running)

    def is_available(self, name: str) -> bool:
        """Whether `name` is loaded, or its files are here, or may be fetched."""
        if self.given_load is not None or name in (self.default, *self.loaded):
            return True
        card = self.cards.get(name)
        if card is None:
            return False
        return is_present(card, self._settings) or self._may_fetch(card)

    def _may_fetch(self, card: ModelCard) -> bool:
        return self._settings.fetch_on_demand and not card.own and not card.library_weights

    async def load(self, name: str, deadline: Deadline) -> None:
        """Load a detector ahead of its first use.

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
            work: Called with the detector; may look at the deadline when it takes long.
            deadline: Until when an answer is wanted.

        Raises:
            PoolFull: When nobody more may wait.
            PoolClosed: When the pool is shutting down.
            Unavailable: When the detector cannot be loaded.
            DeadlinePassed: When there is no result in time.
        """
        self._enter()
        try:
            loading = self._detector(name)
            # Nearly always it is loaded: no turn of the event loop is spent on asking.
            detector = loading.result() if loading.done() else await _result(loading, deadline)
            job: Future[T] = self._submit(lambda: work(detector))
        except BaseException:
            self._leave()
            raise
        job.add_done_callback(self._forget)
        return await _result(job, deadline)

    def keep(self, names: Iterable[str]) -> None:
        """Let none of these detectors make room for others; replaces what was kept before."""
        self._shelf.keep(names)

    def open(self) -> None:
        """Take work, again after a `close`."""
        with self._condition:
            self._open = True

    def refuse(self) -> None:
        """Take nothing new and send away those who wait; what runs goes on."""
        with self._condition:
            self._open = False
            jobs = list(self._jobs)
        for job in jobs:
            job.cancel()  # only those that have not begun
        self._shelf.give_up(PoolClosed())

    def close(self, grace_s: float) -> None:
        """Take nothing new, and wait until what runs has ended, at most `grace_s` seconds."""
        self.refuse()
        with self._condition:
            self._condition.wait_for(lambda: self._admitted == 0, grace_s)
            for _ in range(self._threads):
                self._queue.put(None)
            self._threads = 0

    def _enter(self) -> None:
        with self._condition:
            if not self._open:
                raise PoolClosed
            if self._admitted >= self._settings.workers + self._settings.queue_size:
                rounds = (self.waiting + 1) / self._settings.workers
                raise PoolFull(max(1, math.ceil(rounds * self._mean_s)))
            self._admitted += 1

    def _leave(self) -> None:
        with self._condition:
            self._admitted -= 1
            self._condition.notify_all()

    def _submit(self, work: Callable[[], T]) -> "Future[T]":
        job: Future[T] = Future()
        with self._condition:
            if not self._open:
                raise PoolClosed
            self._jobs.add(job)
            self._queue.put(_Job(job, work))
            if self._threads < self._settings.workers:
                self._threads += 1
                threading.Thread(target=self._work, name="detect", daemon=True).start()
        return job

    def _forget(self, job: "Future[Any]") -> None:
        with self._condition:
            self._jobs.discard(job)
        self._leave()

    def _work(self) -> None:
        """What a worker thread does until it is sent home."""
        while (job := self._queue.get()) is not None:
            if not job.future.set_running_or_notify_cancel():
                continue
            with self._condition:
                self._running += 1
            result, error, seconds = _attempt(job.work)
            with self._condition:
                self._running -= 1
                self._mean_s += 0.1 * (seconds - self._mean_s)
            if error:
                job.future.set_exception(error)
            else:
                job.future.set_result(result)
            # With the picture they hold: the next job may be long in coming.
            del job, result, error

    def _detector(self, name: str) -> "Future[Detector]":
        cards = self.cards
        self._shelf.discard(other for other in self.loaded if other not in cards)
        return self._shelf.get(name, cards.get(name))

    def _load_present(self, name: str) -> Detector:
        card = self.cards.get(name)
        if card is None:
            raise Unavailable(f"The detector `{name}` was removed from this server.")
        may_fetch = name == self.default or self._may_fetch(card)
        if not may_fetch and not is_present(card, self._settings):
            raise Unavailable(
                f"The weights of `{name}` are not on this server. Fetch them there with "
                f"`detectlab models pull {name}`, then ask again."
            )
        return load_detector(name, settings=self._settings)

    def _size_bytes(self, name: str) -> int:
        # The file of the weights, and for each worker a network of about that size.
        card = self.cards.get(name)
        return (card.weights.size or 0 if card else 0) * (1 + self._settings.workers)


class _Job(NamedTuple):
    """A piece of work, and where its result goes."""

    future: Future[Any]
    work: Callable[[], Any]


def _attempt(work: Callable[[], T]) -> tuple[T | None, BaseException | None, float]:
    """The result of `work` or what it raised, and the seconds it took."""
    started = time.perf_counter()
    try:
        return work(), None, time.perf_counter() - started
    except BaseException as error:
        return None, error, time.perf_counter() - started


async def _result(future: "Future[T]", deadline: Deadline) -> T:
    """Wait for a future of another thread; give up at the deadline or when cancelled."""
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
