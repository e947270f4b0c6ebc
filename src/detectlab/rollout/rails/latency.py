"""The guard rail on latency."""

from detectlab.rollout.plan import GuardRails
from detectlab.rollout.rails.base import Observation, RailStatus, RateRail

# A 95th percentile lies above a limit when more than this share of the latencies does.
_SLOW_SHARE = 0.05
# The ceiling while stable's latency is unknown: a multiple of the limit that its warm-up gives,
# since the warm-up ran without any other load.
_WARM_UP_FACTOR = 10.0
_LOWEST_CEILING_S = 2.0


class LatencyRail(RateRail):
    """Stops a candidate whose 95th percentile of latency is above the limit."""

    name = "latency"
    counted = "detections were too slow"
    needs_traffic = True

    @classmethod
    def limit_of(cls, limits: GuardRails) -> float | None:
        """Share of its detections that may be slow, where the latency is limited."""
        is_limited = limits.max_p95_ratio is not None or limits.max_p95_ms is not None
        return _SLOW_SHARE if is_limited else None

    def is_bad(self, observation: Observation) -> bool | None:
        """Whether a detection is, or already was, slower than the limit."""
        seconds = observation.seconds
        if observation.kind not in ("answer", "running") or observation.failed or seconds is None:
            return None
        limit = self.limit_s()
        if observation.kind == "running":
            is_slow = seconds > (self.ceiling_s() if limit is None else limit)
            return True if is_slow and observation.role == "candidate" else None
        if limit is None:
            return True if seconds > self.ceiling_s() else None
        return seconds > limit

    def limit_s(self) -> float | None:
        """The slowest latency that is not bad; `None` while that of stable is unknown."""
        limits, p95 = self.context.limits, self.context.stable_p95()
        found = []
        if limits.max_p95_ms is not None:
            found.append(limits.max_p95_ms / 1000)
        if limits.max_p95_ratio is not None and p95 is not None:
            found.append(limits.max_p95_ratio * p95)
        return min(found) if found else None

    def ceiling_s(self) -> float:
        """The slowest latency that is not bad while that of stable is unknown."""
        warm_up_s = self.context.warm_up_s()
        if warm_up_s is None or self.context.limits.max_p95_ratio is None:
            return self.context.deadline_s
        return max(
            _LOWEST_CEILING_S, _WARM_UP_FACTOR * self.context.limits.max_p95_ratio * warm_up_s
        )

    def status(self) -> RailStatus:
        """The verdict now, and what was seen, with the limit."""
        status, limit_s = super().status(), self.limit_s()
        known = (
            "the latency of stable is not known yet"
            if limit_s is None
            else f"its 95th percentile may be {limit_s * 1000:,.0f} ms"
        )
        return status.model_copy(update={"text": f"{status.text} ({known})"})
