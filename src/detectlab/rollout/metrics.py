"""The metrics of a rollout, for Prometheus."""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from detectlab.rollout.detection_diff import DetectionDiff
from detectlab.rollout.rails.base import RailStatus
from detectlab.serving.metrics import LATENCY_BUCKETS_S

_VERDICTS = {"go": 1, "wait": 0, "stop": -1}
_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.999, 1.0)


class RolloutMetrics:
    """The metrics of one rollout.

    Args:
        registry: Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"detectlab_rollout_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"detectlab_rollout_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, label: str, buckets: Sequence[float]) -> Histogram:
            return Histogram(
                f"detectlab_rollout_{name}", text, [label], buckets=buckets, registry=registry
            )

        self.answers = counter(
            "answers", "Pictures answered under a plan.", "role", "model", "outcome"
        )
        self.seconds = histogram(
            "seconds", "Time that a version's detector took.", "role", LATENCY_BUCKETS_S
        )
        self.shadowed = counter("shadowed", "Answers offered to the shadow.", "outcome")
        self.agreement = histogram(
            "agreement", "Agreement of an answer with its baseline.", "baseline", _SHARES
        )
        self.changes = counter("changes", "Changes of the plan by this process.", "action")
        self.lost = counter("lost_records", "Records that were not written.")
        self.revision = gauge("revision", "The plan's revision.")
        self.share = gauge("candidate_share", "Share of the clients that the candidate answers.")
        self.verdict = gauge(
            "rail", "Verdict of a guard rail: 1 go, 0 not enough evidence yet, -1 stop.", "rail"
        )
        for outcome in ("compared", "skipped", "failed"):
            self.shadowed.labels(outcome)  # shown as 0 before the first one

    def show_verdicts(self, statuses: Iterable[RailStatus]) -> None:
        """Show the verdicts of the guard rails; those of others are removed."""
        self.verdict.clear()
        for status in statuses:
            self.verdict.labels(status.name).set(_VERDICTS[status.verdict])

    def count_diff(self, baseline: str, diff: DetectionDiff) -> None:
        """Count a comparison.

        Args:
            baseline: `stable` or `person`.
            diff: The differences.
        """
        self.agreement.labels(baseline).observe(diff.agreement)
