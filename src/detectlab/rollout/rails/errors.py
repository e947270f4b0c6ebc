"""The guard rail on failed answers."""

from detectlab.rollout.rails.base import Observation, RateRail


class ErrorRail(RateRail):
    """Stops a candidate whose answers fail: errors, 503, 504, and what takes too long."""

    name = "errors"
    limit_field = "max_error_rate"
    counted = "answers failed"

    def is_bad(self, observation: Observation) -> bool | None:
        """Whether an answer failed, or takes too long."""
        max_seconds = self.context.limits.max_seconds or self.context.deadline_s
        is_late = (observation.seconds or 0) > max_seconds
        if observation.kind == "answer":
            return is_late or observation.failed
        if observation.kind == "running" and is_late:
            return True
        return None
