"""The guard of a candidate: passes observations to the guard rails, and asks for their verdicts."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from detectlab.rollout.plan import GuardRails, Role, RolloutPlan
from detectlab.rollout.rails.base import GuardRail, Observation, RailContext, RailStatus
from detectlab.rollout.rails.registry import GUARD_RAILS

_REMEMBERED = 2000
_FEWEST_FOR_P95 = 10
_P95_AGE_S = 1.0


class NotEnoughEvidence(ValueError):
    """The guard rails do not allow the next step yet; the message says what is missing."""


class StableLatency:
    """The latency of the stable version, the baseline of a candidate's; safe from any thread.

    Args:
        seconds: Latencies known already.
    """

    def __init__(self, seconds: Iterable[float] = ()) -> None:
        self.warm_up_s: float | None = None
        self._lock = threading.Lock()
        self._seconds = deque(seconds, _REMEMBERED)
        self._p95: tuple[float, float | None] = (-_P95_AGE_S, None)

    def add(self, seconds: float) -> None:
        """Add the latency of one detection."""
        with self._lock:
            self._seconds.append(seconds)

    def p95(self) -> float | None:
        """The 95th percentile in seconds; `None` while fewer than ten are known."""
        now = time.monotonic()
        with self._lock:
            if self._p95[1] is None or now - self._p95[0] > _P95_AGE_S:
                is_known = len(self._seconds) >= _FEWEST_FOR_P95
                self._p95 = now, float(np.percentile(self._seconds, 95)) if is_known else None
            return self._p95[1]


@dataclass(eq=False)
class _Request:
    """A request that the candidate has not answered yet, or its detection."""

    client: str
    since: float
    is_detecting: bool


class Guard:
    """Judges a candidate by the guard rails of its plan; safe from any thread.

    Args:
        limits: The plan's.
        latency: Of the stable version.
        deadline_s: Deadline of a request.
        loaded: Names of the detectors in memory.
    """

    def __init__(
        self,
        limits: GuardRails,
        latency: StableLatency,
        *,
        deadline_s: float = 30.0,
        loaded: Callable[[], object] = tuple,
    ) -> None:
        self.limits = limits
        self.latency = latency
        self._lock = threading.Lock()
        self._requests: set[_Request] = set()
        watched = [rail for rail in GUARD_RAILS.values() if rail.limit_of(limits) is not None]
        context = RailContext(
            limits,
            limits.alpha / max(1, len(watched)),
            deadline_s,
            latency.p95,
            lambda: latency.warm_up_s,
            loaded,
        )
        self._rails: list[GuardRail] = [rail(context) for rail in watched]

    def observe(self, observation: Observation) -> None:
        """Pass an observation to every rail."""
        with self._lock:
            is_stable = observation.kind == "answer" and observation.role == "stable"
            if is_stable and observation.seconds is not None and not observation.failed:
                self.latency.add(observation.seconds)
            for rail in self._rails:
                rail.observe(observation)

    @contextmanager
    def watching(self, role: Role, client: str, *, is_detecting: bool) -> Iterator[None]:
        """Watch a request, or its detection, so that one that never ends is noticed.

        Args:
            role: The version that answers it.
            client: Key of the client.
            is_detecting: Whether a worker runs it now.
        """
        request = _Request(client, time.monotonic(), is_detecting)
        if role == "candidate":
            with self._lock:
                self._requests.add(request)
        try:
            yield
        finally:
            with self._lock:
                self._requests.discard(request)

    def check_running(self, workers: int) -> None:
        """Observe the requests that the candidate has not answered yet.

        Queued requests count from the moment since which every worker has been busy with one
        detection: workers that hang never get to them.

        Args:
            workers: How many detections of the candidate can run at once.
        """
        now = time.monotonic()
        with self._lock:
            detecting = [one for one in self._requests if one.is_detecting]
            late = [(one.client, one.since) for one in detecting]
            if len(detecting) >= workers:
                busy_since = max(one.since for one in detecting)
                late += [(one.client, max(one.since, busy_since)) for one in self._requests]
        observations = [
            Observation("running", "candidate", client, now, now - since) for client, since in late
        ]
        for observation in observations:
            self.observe(observation)

    def statuses(self) -> list[RailStatus]:
        """The verdict of every rail."""
        with self._lock:
            return [rail.status() for rail in self._rails]

    def stop_reason(self) -> str | None:
        """Why the candidate has to be stopped, or `None`."""
        with self._lock:
            stops = [rail.status() for rail in self._rails if rail.verdict() == "stop"]
        return stop_reason(stops)

    def missing_evidence(self, *, has_traffic: bool) -> str | None:
        """Why the next step has to wait, or `None`.

        Args:
            has_traffic: Whether the candidate answers clients: else the rails that judge only that
                are left out.
        """
        with self._lock:
            needed = [rail for rail in self._rails if has_traffic or not rail.needs_traffic]
            waiting = [rail.status() for rail in needed if rail.verdict() != "go"]
        if not needed:
            return "no guard rail is watched, so there can be no evidence"
        return "; ".join(f"{one.name}: {one.text}" for one in waiting) or None

    def restart_go(self) -> None:
        """Begin the next step: the evidence for it has to be earned."""
        with self._lock:
            for rail in self._rails:
                rail.restart_go()


def stop_reason(statuses: Iterable[RailStatus]) -> str | None:
    """Why the candidate has to be stopped, or `None`."""
    return "; ".join(one.text for one in statuses if one.verdict == "stop") or None


def check_evidence(guard: Guard, why: str, *, plan: RolloutPlan, anyway: bool) -> str:
    """The reason of a promotion, with the evidence that is missing when it goes anyway.

    Args:
        guard: Judges the candidate.
        why: The reason that the operator gave.
        plan: The plan in force.
        anyway: Whether to promote without enough evidence.

    Raises:
        NotEnoughEvidence: When evidence is missing, and it does not go anyway.
    """
    missing = guard.missing_evidence(has_traffic=plan.candidate_share > 0)
    if missing is None:
        return why
    if not anyway:
        raise NotEnoughEvidence(
            f"There is not enough evidence for the next step. {missing}. Wait for it, or promote "
            "`anyway`: the history then says so."
        )
    return f"{why} (anyway, without enough evidence: {missing})".strip()
