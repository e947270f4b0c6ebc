"""The guard rails that there are: a new one is a class in a file of its own and an entry here."""

from detectlab.rollout.rails.base import GuardRail
from detectlab.rollout.rails.disagreement import DisagreementRail, JudgementRail
from detectlab.rollout.rails.errors import ErrorRail
from detectlab.rollout.rails.latency import LatencyRail
from detectlab.rollout.rails.memory import MemoryRail

GUARD_RAILS: dict[str, type[GuardRail]] = {
    rail.name: rail
    for rail in (ErrorRail, LatencyRail, DisagreementRail, JudgementRail, MemoryRail)
}
