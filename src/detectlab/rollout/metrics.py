"""What a rollout counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from detectlab.rollout.comparison import Comparison
from detectlab.serving.metrics import LATENCY_BUCKETS_S

_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.999, 1.0)


class Series:
    """The counters of one router.

    Args:
        registry: Where they are shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.answers = Counter(
            "detectlab_rollout_answers", "Pictures answered as the plan says.",
            ["side", "model", "outcome"], registry=registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "detectlab_rollout_seconds", "Time that a side's detector took for a picture.",
            ["side"], buckets=LATENCY_BUCKETS_S, registry=registry,
        )  # fmt: skip
        self.shadowed = Counter(
            "detectlab_rollout_shadowed", "Answers of stable that the candidate saw, or did not.",
            ["outcome"], registry=registry,
        )  # fmt: skip
        self.agreement = Histogram(
            "detectlab_rollout_agreement", "How far a candidate's answer agrees with its baseline.",
            ["baseline"], buckets=_SHARES, registry=registry,
        )  # fmt: skip
        self.changes = Counter(
            "detectlab_rollout_changes", "Changes of the plan by this process.", ["action"],
            registry=registry,
        )  # fmt: skip
        self.lost = Counter(
            "detectlab_rollout_lost_notes", "Answers that could not be noted.", registry=registry
        )
        self.revision = Gauge(
            "detectlab_rollout_revision", "The plan's revision.", registry=registry
        )
        self.share = Gauge(
            "detectlab_rollout_candidate_share", "Share of the keys that the candidate answers.",
            registry=registry,
        )  # fmt: skip
        for outcome in ("compared", "skipped", "failed"):
            self.shadowed.labels(outcome)  # shown as 0 before the first one

    def count_pair(self, baseline: str, comparison: Comparison) -> None:
        """Count a comparison with `stable` or `person`."""
        self.agreement.labels(baseline).observe(comparison.agreement)
