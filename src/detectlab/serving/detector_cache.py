"""Loaded detectors: each is loaded once, and the least recently used makes room for the next."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

from detectlab.detection.detector import Detector

logger = logging.getLogger(__name__)


class Unavailable(RuntimeError):
    """A known detector cannot be had now; the message may be shown to whoever asked.

    Attributes:
        retry_after_s: When asking again makes sense, in seconds.
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


class Shelf:
    """Keeps detectors loaded, within a bound of memory.

    However many ask for a detector at the same time, it is loaded once, in a thread of its own. A
    load that fails is reported to all of them; who asks within `retry_s` gets the same report, and
    the next one after that makes a new attempt.

    Args:
        load: Gives the detector of a name; may raise `Unavailable` to say more than
            "cannot be loaded".
        size_bytes: Estimates the memory that the detector of a name takes.
        limit_bytes: Bound of the sum of these estimates.
        retry_s: For how long a failed load is not tried again, in seconds.
    """

    def __init__(
        self,
        load: Callable[[str], Detector],
        size_bytes: Callable[[str], int],
        limit_bytes: int,
        retry_s: float,
    ) -> None:
        self._load = load
        self._size_bytes = size_bytes
        self._limit_bytes = limit_bytes
        self._retry_s = retry_s
        self._slots: OrderedDict[str, _Slot] = OrderedDict()  # least recently used first
        self._kept: frozenset[str] = frozenset()
        self._lock = threading.Lock()  # guards _slots, and every result of a slot's future

    @property
    def loaded(self) -> tuple[str, ...]:
        """The names of the detectors that are loaded, least recently used first."""
        with self._lock:
            return tuple(name for name, slot in self._slots.items() if slot.is_loaded)

    def get(self, name: str, version: object = None) -> "Future[Detector]":
        """The detector `name`, as a future: done when it is loaded already.

        The future fails with `Unavailable`.

        Args:
            name: Which detector.
            version: What tells it from an earlier one of that name, which would be replaced.
        """
        with self._lock:
            slot = self._slots.get(name)
            if slot is None or slot.version != version or time.monotonic() >= slot.again_at:
                slot = self._slots[name] = _Slot(self._size_bytes(name), version)
                # Running from the start: whoever stops waiting must not cancel it for the others.
                slot.future.set_running_or_notify_cancel()
                threading.Thread(
                    target=self._fill, args=(name, slot), name=f"load-{name}", daemon=True
                ).start()
            self._slots.move_to_end(name)
            return slot.future

    def keep(self, names: Iterable[str]) -> None:
        """Let none of these make room for others; replaces what was kept before."""
        self._kept = frozenset(names)

    def discard(self, names: Iterable[str]) -> None:
        """Unload these detectors, as far as they are loaded and nobody wants them kept."""
        for name in set(names) - self._kept:
            with self._lock:
                if name in self._slots and self._slots[name].is_loaded:
                    del self._slots[name]
                    logger.info("Unloaded %s, which was removed", name)

    def give_up(self, reason: Exception) -> None:
        """Let all who wait for a load go with `reason`; what is loaded stays."""
        with self._lock:
            for name, slot in list(self._slots.items()):
                if not slot.future.done():
                    slot.future.set_exception(reason)
                    del self._slots[name]

    def _fill(self, name: str, slot: _Slot) -> None:
        try:
            self._make_room(name, slot)
            detector = self._load(name)
        except Exception as error:
            self._fail(name, slot, error)
            return
        with self._lock:
            if not slot.future.done():
                slot.future.set_result(detector)
        logger.info("Loaded %s", name)

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
            held = sum(other.size_bytes for other in self._slots.values())
            for other_name, other in list(self._slots.items()):
                if held <= self._limit_bytes:
                    break
                if other.is_loaded and other_name not in self._kept:
                    # Who is detecting with it now has a reference: it goes when they are done.
                    del self._slots[other_name]
                    held -= other.size_bytes
                    logger.info("Unloaded %s to make room for %s", other_name, name)
