"""The guard rails on wrong answers: compared with stable, and judged by people."""

from typing import Any

import numpy as np

from detectlab.rollout.plan import GuardRails
from detectlab.rollout.rails.base import Observation, RateRail


class DisagreementRail(RateRail):
    """Stops a candidate that differs from stable on too many pictures."""

    name = "disagreement"
    counted = "compared pictures differ"

    @classmethod
    def limit_of(cls, limits: GuardRails) -> float | None:
        """Share of pictures on which it may differ."""
        return limits.max_disagreement

    def is_bad(self, observation: Observation) -> Any:
        """Whether the two differ on a picture."""
        return np.logical_not(observation.agrees) if observation.kind == "comparison" else None


class JudgementRail(RateRail):
    """Stops a candidate that people judge wrong too often."""

    name = "judgements"
    counted = "judged answers are wrong"
    needs_traffic = True

    @classmethod
    def limit_of(cls, limits: GuardRails) -> float | None:
        """Share of its answers that may be judged wrong."""
        return limits.max_judged_wrong

    def is_bad(self, observation: Observation) -> Any:
        """Whether a person saw other objects."""
        return np.logical_not(observation.agrees) if observation.kind == "judgement" else None
