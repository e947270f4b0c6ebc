"""Guard rails: what is known of both sides in the last minute, and whether that is too bad."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from detectlab.detection.detector import Detector
from detectlab.rollout.plan import GuardRails, SideName
from detectlab.vision.detections import Detections

_REMEMBERED = 2000
_FEWEST_FOR_P95 = 20
# A 95th percentile lies above a limit when more than this share does.
_SLOW_SHARE = 0.05
_STUCK_S = 2.0


class Watch:
    """What the detectors of both sides did lately; safe from any thread.

    Args:
        before: Another one of the same stable side: what that took is what candidates are measured
            by, also while they answer everything.
        latencies: When the stable side answered before there was a plan, and its seconds.
    """

    def __init__(
        self, before: "Watch | None" = None, latencies: Iterable[tuple[float, float]] = ()
    ) -> None:
        self._lock = threading.Lock()
        # (when it ended, seconds, whether it failed)
        self._ended: dict[SideName, deque[tuple[float, float, bool]]] = {
            "stable": before.ended("stable") if before else _succeeded(latencies),
            "candidate": deque(maxlen=_REMEMBERED),
        }
        self._running: dict[object, float] = {}  # the candidate's, with their beginnings
        self._pairs: deque[tuple[float, bool]] = deque(maxlen=_REMEMBERED)

    @contextmanager
    def measure(self, side: SideName) -> Iterator[None]:
        """Note how long a detection takes, and whether it fails."""
        mark, begun = object(), time.monotonic()
        if side == "candidate":
            with self._lock:
                self._running[mark] = begun
        failed = True
        try:
            yield
            failed = False
        finally:
            ended = time.monotonic()
            with self._lock:
                self._running.pop(mark, None)
                self._ended[side].append((ended, ended - begun, failed))

    def ended(self, side: SideName) -> deque[tuple[float, float, bool]]:
        """A copy of what is known of the detections of a side."""
        with self._lock:
            return self._ended[side].copy()

    def note_pair(self, agrees: bool) -> None:
        """Note whether both sides, or a person and the candidate, saw the same."""
        with self._lock:
            self._pairs.append((time.monotonic(), agrees))

    def verdict(self, rails: GuardRails) -> str | None:
        """Why the candidate has to be stopped, or `None`."""
        since = time.monotonic() - rails.window_s
        with self._lock:
            candidate = [entry for entry in self._ended["candidate"] if entry[0] >= since]
            stable = [entry[1] for entry in self._ended["stable"]]
            running = [time.monotonic() - begun for begun in self._running.values()]
            pairs = [agrees for at, agrees in self._pairs if at >= since]
        return (
            _too_many_errors(rails, [failed for _, _, failed in candidate])
            or _too_slow(rails, [seconds for _, seconds, _ in candidate], running, stable)
            or _too_different(rails, pairs)
        )


class WatchedDetector:
    """A detector that is measured.

    Args:
        detector: The detector.
        watch: Notes what it does.
        side: Which side it is.
        on_end: Called after each detection with its seconds, and what it raised or `None`.
    """

    def __init__(
        self,
        detector: Detector,
        watch: Watch,
        side: SideName,
        on_end: Callable[[float, Exception | None], None],
    ) -> None:
        self.name = detector.name
        self.names = detector.names
        self._detector = detector
        self._watch = watch
        self._side: SideName = side
        self._on_end = on_end

    def detect(
        self, image: NDArray[np.uint8], confidence: float = 0.5, nms_threshold: float = 0.3
    ) -> Detections:
        """Find objects as the detector inside does."""
        begun = time.perf_counter()
        try:
            with self._watch.measure(self._side):
                found = self._detector.detect(image, confidence, nms_threshold)
        except Exception as error:
            self._on_end(time.perf_counter() - begun, error)
            raise
        self._on_end(time.perf_counter() - begun, None)
        return found


def _succeeded(latencies: Iterable[tuple[float, float]]) -> deque[tuple[float, float, bool]]:
    return deque(((at, seconds, False) for at, seconds in latencies), maxlen=_REMEMBERED)


def _too_many_errors(rails: GuardRails, failures: list[bool]) -> str | None:
    bad, limit = sum(failures), rails.max_error_rate
    if limit is None or bad < rails.min_bad or bad <= limit * len(failures):
        return None
    return (
        f"{bad} of its last {len(failures)} detections failed: {bad / len(failures):.0%}, "
        f"at most {limit:.0%} are allowed"
    )


def _too_slow(
    rails: GuardRails, seconds: list[float], running: list[float], stable: list[float]
) -> str | None:
    limits = []
    if rails.max_p95_ms is not None:
        limits.append((rails.max_p95_ms / 1000, "`max_p95_ms`"))
    if rails.max_p95_ratio is not None and len(stable) >= _FEWEST_FOR_P95:
        usual = float(np.percentile(stable, 95))
        text = f"{rails.max_p95_ratio:g} times the stable one's {usual * 1000:.0f} ms"
        limits.append((rails.max_p95_ratio * usual, text))
    for limit, text in limits:
        # What runs already longer than the limit is slow, however long it will take in the end:
        # a detector that hangs would otherwise never be noticed.
        all_seconds = seconds + [age for age in running if age > limit]
        slow = sum(value > limit for value in all_seconds)
        # One that has been running for ages is no chance, and there may be no worker for more.
        is_stuck = any(age > max(_STUCK_S, rails.min_bad * limit) for age in running)
        if (slow >= rails.min_bad or is_stuck) and slow > _SLOW_SHARE * len(all_seconds):
            p95 = float(np.percentile(all_seconds, 95)) * 1000
            return f"its 95th percentile of latency is {p95:.0f} ms, above {text}"
    return None


def _too_different(rails: GuardRails, pairs: list[bool]) -> str | None:
    bad, limit = pairs.count(False), rails.max_disagreement
    if limit is None or bad < rails.min_bad or bad <= limit * len(pairs):
        return None
    return (
        f"it disagrees about {bad} of {len(pairs)} pictures: {bad / len(pairs):.0%}, "
        f"at most {limit:.0%} are allowed"
    )
