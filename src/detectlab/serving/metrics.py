"""The service's metrics, for Prometheus."""

from collections import deque

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from detectlab.serving.pool import Pool
from detectlab.serving.uploads import Intake

_REMEMBERED = 2000
LATENCY_BUCKETS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """The counters of one app; several apps in a process do not share them.

    Args:
        pool: Watched for its queue and its loaded detectors.
        intake: Watched for the bytes it holds.

    Attributes:
        latencies: Of recent answers of the default detector without a rollout plan: when each was
            given, on `time.monotonic`'s clock, and the seconds that the detector took.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, pool: Pool, intake: Intake) -> None:
        self.latencies: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "detectlab_requests", "Requests answered.", ["route", "status"], registry=registry
        )
        self.errors = Counter(
            "detectlab_internal_errors", "Requests that failed by our fault.", registry=registry
        )
        self.request_seconds = Histogram(
            "detectlab_request_seconds",
            "Time from a request's arrival to its answer.",
            ["route"],
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.inference_seconds = Histogram(
            "detectlab_inference_seconds",
            "Time that the detector took for a picture.",
            ["model"],
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.detections = Counter(
            "detectlab_detections", "Objects found.", ["model"], registry=registry
        )
        self.streams = Gauge("detectlab_streams", "Live cameras now.", registry=registry)
        self.stream_frames = Counter(
            "detectlab_stream_frames",
            "Frames of live cameras answered.",
            ["model"],
            registry=registry,
        )
        self.received_lost = Counter(
            "detectlab_received_lost",
            "Received pictures that could not be kept.",
            ["reason"],
            registry=registry,
        )
        for reason in ("busy", "disk"):
            self.received_lost.labels(reason)  # shown as 0 before the first one
        for name, text, value in (
            ("queue_waiting", "Requests that wait for a worker.", lambda: pool.waiting),
            ("running", "Detections that run now.", lambda: pool.running),
            (
                "longest_work_seconds",
                "Longest time that a worker was busy with one request, also one that still runs.",
                lambda: pool.longest_s,
            ),
            ("loaded_detectors", "Detectors in memory.", lambda: len(pool.loaded)),
            ("held_bytes", "Bytes of request bodies held now.", lambda: intake.held_bytes),
        ):
            Gauge(f"detectlab_{name}", text, registry=registry).set_function(value)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
