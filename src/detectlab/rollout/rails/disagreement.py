"""The guard rails on wrong answers: compared with stable, and judged by people."""

from typing import Any, ClassVar

import numpy as np

from detectlab.rollout.rails.base import Observation, RateRail


class DisagreementRail(RateRail):
    """Stops a candidate that differs from stable on too many pictures."""

    name = "disagreement"
    limit_field = "max_disagreement"
    counted = "compared pictures differ"
    kind: ClassVar[str] = "comparison"

    def is_bad(self, observation: Observation) -> Any:
        """Whether the two differ on a picture."""
        return np.logical_not(observation.agrees) if observation.kind == self.kind else None


class JudgementRail(DisagreementRail):
    """Stops a candidate that people judge wrong too often."""

    name = "judgements"
    limit_field = "max_judged_wrong"
    counted = "judged answers are wrong"
    needs_traffic = True
    kind = "judgement"
