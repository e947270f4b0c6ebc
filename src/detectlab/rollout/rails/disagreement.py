"""The guard rails on wrong answers: compared with stable, and judged by people."""

from typing import Any

import numpy as np

from detectlab.rollout.plan import GuardRails
from detectlab.rollout.rails.base import Observation, RailContext, RateRail


class DisagreementRail(RateRail):
    """Stops a candidate that differs from stable on too many pictures."""

    name = "disagreement"
    counted = "compared pictures differ"

    def __init__(self, context: RailContext, runs: int = 1) -> None:
        assert context.limits.max_disagreement is not None
        super().__init__(context, context.limits.max_disagreement, runs)

    @classmethod
    def is_watched(cls, limits: GuardRails) -> bool:
        """Whether the disagreement is limited."""
        return limits.max_disagreement is not None

    def is_bad(self, observation: Observation) -> Any:
        """Whether the two differ on a picture."""
        return np.logical_not(observation.agrees) if observation.kind == "comparison" else None


class JudgementRail(RateRail):
    """Stops a candidate that people judge wrong too often."""

    name = "judgements"
    counted = "judged answers are wrong"
    needs_traffic = True

    def __init__(self, context: RailContext, runs: int = 1) -> None:
        assert context.limits.max_judged_wrong is not None
        super().__init__(context, context.limits.max_judged_wrong, runs)

    @classmethod
    def is_watched(cls, limits: GuardRails) -> bool:
        """Whether people's judgements are limited."""
        return limits.max_judged_wrong is not None

    def is_bad(self, observation: Observation) -> Any:
        """Whether a person saw other objects."""
        return np.logical_not(observation.agrees) if observation.kind == "judgement" else None
