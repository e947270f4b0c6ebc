"""New detectors in front of people, step by step: shadow, canary, blue/green, and back again."""

from detectlab.rollout.comparison import Comparison, compare
from detectlab.rollout.plan import RolloutPlan, Side, read_plan

__all__ = ["Comparison", "RolloutPlan", "Side", "compare", "read_plan"]
