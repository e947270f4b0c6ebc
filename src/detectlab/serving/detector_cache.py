"""The cache of loaded detectors, which evicts the least recently used."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

from detectlab.detection.detector import Detector
from detectlab.detection.memory import resident_bytes

logger = logging.getLogger(__name__)


class Unavailable(RuntimeError):
    """A known detector cannot be loaded now; the message may be shown to the client.

    Attributes:
        retry_after_s: Seconds after which another attempt makes sense.
    """

    def __init__(self, message: str, retry_after_s: float = 60.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass
class _Slot:
    """One detector: being loaded, loaded, or failed (then until `again_at`)."""

    size_bytes: int
    version: object
    future: "Future[Detector]" = field(default_factory=Future)
    again_at: float = float("inf")

    @property
    def is_loaded(self) -> bool:
        return self.future.done() and self.future.exception() is None


class DetectorCache:
    """Keeps detectors loaded, within a bound of memory.

    Each detector is loaded once, in a thread of its own, however many requests need it at the same
    time. A failed load fails all of them, and those of the next `retry_s` seconds; the first
    request after that loads again.

    Args:
        load: Gives the detector of a name; may raise `Unavailable` to say more than
            "cannot be loaded".
        size_bytes: Estimates the memory that the detector of a name takes.
        limit_bytes: Bound of the sum of these estimates, and of what evicted detectors leave.
        retry_s: Seconds before a failed load is tried again.
        warm_up: Runs a detector until it has allocated what it needs; the growth of the process
            replaces the estimate then. Without it the estimate stays.
    """

    def __init__(
        self,
        load: Callable[[str], Detector],
        size_bytes: Callable[[str], int],
        limit_bytes: int,
        retry_s: float,
        warm_up: Callable[[Detector], None] | None = None,
    ) -> None:
        self._load = load
        self._size_bytes = size_bytes
        self._limit_bytes = limit_bytes
        self._retry_s = retry_s
        self._warm_up = warm_up
        self._measured: dict[str, tuple[object, int]] = {}  # name -> version, bytes
        self._slots: OrderedDict[str, _Slot] = OrderedDict()  # least recently used first
        self._first_bytes: int | None = None  # of the process, before the first detector
        self._largest_evicted = 0
        self._left_bytes = 0  # what evicted detectors have not given back
        self._pinned: frozenset[str] = frozenset()
        self._lock = threading.Lock()  # guards _slots, and every result of a slot's future

    @property
    def loaded(self) -> tuple[str, ...]:
        """The names of the detectors that are loaded, least recently used first."""
        with self._lock:
            return tuple(name for name, slot in self._slots.items() if slot.is_loaded)

    @property
    def measured(self) -> dict[str, int]:
        """Bytes that detectors were measured to take, by name."""
        return {name: size_bytes for name, (_, size_bytes) in self._measured.items()}

    def get(self, name: str, version: object = None) -> "Future[Detector]":
        """The detector `name`, as a future that is done when it is loaded already.

        The future fails with `Unavailable`.

        Args:
            name: Which detector.
            version: Tells it from an earlier detector of that name, which it replaces.
        """
        with self._lock:
            slot = self._slots.get(name)
            if slot is None or slot.version != version or time.monotonic() >= slot.again_at:
                slot = self._slots[name] = _Slot(self._estimate(name, version), version)
                # Marked as running: a request that is cancelled must not cancel it for the others.
                slot.future.set_running_or_notify_cancel()
                threading.Thread(
                    target=self._fill, args=(name, slot), name=f"load-{name}", daemon=True
                ).start()
            self._slots.move_to_end(name)
            return slot.future

    def _estimate(self, name: str, version: object) -> int:
        known, size_bytes = self._measured.get(name, (None, 0))
        return size_bytes if size_bytes and known == version else self._size_bytes(name)

    def keep(self, names: Iterable[str]) -> None:
        """Pin these detectors against eviction; replaces the earlier pins."""
        self._pinned = frozenset(names)

    def discard(self, names: Iterable[str]) -> None:
        """Unload those of these detectors that are loaded and not pinned."""
        for name in set(names) - self._pinned:
            with self._lock:
                if name in self._slots and self._slots[name].is_loaded:
                    del self._slots[name]
                    logger.info("Unloaded %s, which was removed", name)

    def fail_pending(self, reason: Exception) -> None:
        """Fail all pending loads with `reason`; loaded detectors stay."""
        with self._lock:
            for name, slot in list(self._slots.items()):
                if not slot.future.done():
                    slot.future.set_exception(reason)
                    del self._slots[name]

    def _fill(self, name: str, slot: _Slot) -> None:
        try:
            self._make_room(name, slot)
            before = resident_bytes()
            self._note_left(before)
            detector = self._load(name)
        except Exception as error:
            self._fail(name, slot, error)
            return
        with self._lock:
            if not slot.future.done():
                slot.future.set_result(detector)
        logger.info("Loaded %s", name)
        if self._warm_up:
            self._measure(name, slot, detector, before)

    def _note_left(self, now: int) -> None:
        """Note what evicted detectors have not given back of `now` bytes, such as the runtime."""
        with self._lock:
            if self._first_bytes is None:
                self._first_bytes = now
            held = sum(slot.size_bytes for slot in self._slots.values() if slot.is_loaded)
            left = now - self._first_bytes - held
            # No more than they took: pictures take memory, too.
            self._left_bytes = min(max(0, left), self._largest_evicted)

    def _measure(self, name: str, slot: _Slot, detector: Detector, before: int) -> None:
        """Replace the estimate of a loaded detector, and make the room that it really takes."""
        assert self._warm_up
        self._warm_up(detector)
        now = resident_bytes()
        # An evicted detector that a request still held is freed meanwhile: the largest counts.
        _, known = self._measured.get(name, (None, 1))
        slot.size_bytes = max(known, now - before)
        self._measured[name] = slot.version, slot.size_bytes
        logger.info("%s takes %d MB", name, slot.size_bytes >> 20)
        self._note_left(now)
        try:
            self._make_room(name, slot)
        except Unavailable as error:
            logger.error("%s", error)
            with self._lock:
                if self._slots.get(name) is slot:
                    self._evict(name)

    def _fail(self, name: str, slot: _Slot, error: Exception) -> None:
        if not isinstance(error, Unavailable):
            logger.error("Loading %s failed", name, exc_info=error)
            error = Unavailable(
                f"The detector `{name}` cannot be loaded on this server now. There, "
                f"`detectlab models verify` shows what is wrong and `detectlab models pull {name}` "
                "fetches its files anew.",
                self._retry_s,
            )
        with self._lock:
            slot.again_at = time.monotonic() + self._retry_s
            slot.size_bytes = 0
            if not slot.future.done():
                slot.future.set_exception(error)

    def _make_room(self, name: str, slot: _Slot) -> None:
        if slot.size_bytes > self._limit_bytes:
            raise Unavailable(
                f"The detector `{name}` needs about {slot.size_bytes >> 20} MB of memory; this "
                f"server allows {self._limit_bytes >> 20} MB (DETECTLAB_MEMORY_LIMIT_MB)."
            )
        with self._lock:
            held = self._left_bytes + sum(other.size_bytes for other in self._slots.values())
            for other_name, other in list(self._slots.items()):
                if held <= self._limit_bytes:
                    break
                if other.is_loaded and other is not slot and other_name not in self._pinned:
                    # Requests that use it hold a reference: its memory is freed after them.
                    held -= self._evict(other_name)
                    logger.info("Unloaded %s to make room for %s", other_name, name)

    def _evict(self, name: str) -> int:
        """Forget a detector, and return how many bytes it takes; requests may still hold it."""
        size_bytes = self._slots.pop(name).size_bytes
        self._largest_evicted = max(self._largest_evicted, size_bytes)
        return size_bytes
