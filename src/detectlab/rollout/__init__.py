"""Rollouts of a new detector, step by step: shadow, canary, blue/green, and rollback."""

from detectlab.rollout.detection_diff import DetectionDiff, diff_detections
from detectlab.rollout.plan import RolloutPlan, Version
from detectlab.rollout.plan_file import read_plan

__all__ = ["DetectionDiff", "RolloutPlan", "Version", "diff_detections", "read_plan"]
