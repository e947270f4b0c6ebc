"""The metrics of monitoring, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from detectlab.monitoring.drift import grouped, population_stability_index
from detectlab.monitoring.recent import BLOCK
from detectlab.monitoring.statistics import NAMES
from detectlab.monitoring.watch import Alarm, Watch

_LABELS = ("model", "lane")


class MonitoringMetrics:
    """The metrics of one monitor.

    Args:
        registry: Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"detectlab_monitoring_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"detectlab_monitoring_{name}", text, labels, registry=registry)

        self.pictures = counter(
            "pictures", "Pictures watched; `pixels` says whether theirs were.", *_LABELS, "pixels"
        )
        self.evidence = gauge("evidence", "Evidence of drift; an alarm from 1 on.", *_LABELS)
        self.psi = gauge(
            "psi", "Population stability index of a statistic, lately.", *_LABELS, "statistic"
        )
        self.alarm = gauge("alarm", "Whether an alarm is raised.", *_LABELS)
        self.alarms = counter("alarms", "Alarms raised.", *_LABELS)
        self.webhook = counter("webhook", "Alarms sent to the webhook.", "outcome")
        for outcome in ("sent", "failed"):
            self.webhook.labels(outcome)  # shown as 0 before the first one

    def count(self, watch: Watch, *, has_pixels: bool) -> None:
        """Count a picture of a watch.

        Args:
            watch: What watched it.
            has_pixels: Whether its pixels were looked at.
        """
        labels = watch.model, watch.lane
        self.pictures.labels(*labels, str(has_pixels).lower()).inc()
        self.evidence.labels(*labels).set(watch.evidence)
        if watch.pictures == 1:
            self.alarms.labels(*labels)
            self.alarm.labels(*labels).set(0)
        # Another statistic every few pictures: all at once would hold up a request.
        place, rest = divmod(watch.pictures % BLOCK, BLOCK // len(NAMES))
        if watch.baseline and watch.pictures >= BLOCK and not rest and place < len(NAMES):
            shares = grouped(watch.baseline.sketch, watch.window(), name=NAMES[place])
            self.psi.labels(*labels, NAMES[place]).set(population_stability_index(*shares))

    def show_alarm(self, alarm: Alarm) -> None:
        """Show an alarm that begins or ends."""
        self.alarm.labels(alarm.model, alarm.lane).set(0 if alarm.ended else 1)
        if not alarm.ended:
            self.alarms.labels(alarm.model, alarm.lane).inc()

    def calm(self, watch: Watch) -> None:
        """Show that no alarm is raised: the baseline is new."""
        self.alarm.labels(watch.model, watch.lane).set(0)
        self.evidence.labels(watch.model, watch.lane).set(0)

    def forget(self, watch: Watch) -> None:
        """Remove the gauges of a watch that is not kept any more."""
        labels = watch.model, watch.lane
        for gauge in (self.evidence, self.alarm):
            gauge.remove(*labels)
        for name in NAMES if watch.baseline else ():
            if (*labels, name) in self.psi._metrics:
                self.psi.remove(*labels, name)
