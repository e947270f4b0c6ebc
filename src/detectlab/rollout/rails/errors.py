"""The guard rail on failed answers."""

from detectlab.rollout.plan import GuardRails
from detectlab.rollout.rails.base import Observation, RailContext, RateRail


class ErrorRail(RateRail):
    """Stops a candidate whose answers fail: errors, 503, 504, and what takes too long."""

    name = "errors"
    counted = "answers failed"

    def __init__(self, context: RailContext, runs: int = 1) -> None:
        assert context.limits.max_error_rate is not None
        super().__init__(context, context.limits.max_error_rate, runs)
        self._max_seconds = context.limits.max_seconds or context.deadline_s

    @classmethod
    def is_watched(cls, limits: GuardRails) -> bool:
        """Whether the error rate is limited."""
        return limits.max_error_rate is not None

    def is_bad(self, observation: Observation) -> bool | None:
        """Whether an answer failed, or takes too long."""
        is_late = (observation.seconds or 0) > self._max_seconds
        if observation.kind == "answer":
            return is_late or observation.failed
        if observation.kind == "running" and is_late:
            return True
        return None
