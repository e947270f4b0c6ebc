"""Traces: which spans a request has, over threads and over a cluster, and none by default."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import unwrap
from typing import Any

import pytest
from starlette.testclient import TestClient
from websockets.sync.client import connect

from detectlab.cluster.remote_pool import RemoteDetector
from detectlab.detection.detector import NetworkDetector
from detectlab.engines.base import Network
from detectlab.engines.opencv import OpenCVEngine
from detectlab.kernel import start
from detectlab.serving import prediction
from detectlab.serving.app import create_app
from detectlab.serving.pool import Pool
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings
from detectlab.tracing import carrier, continued, start_tracing, stop_tracing

pytest.importorskip(
    "opentelemetry.exporter.otlp.proto.http", reason='needs pip install "detectlab[otel]"'
)
POOL_KINDS = ("threads", "cluster")
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
JSON = {"Accept": "application/json"}
STAGES = ["upload", "queue", "decode", "network", "box decoding", "drawing", "encoding"]


@pytest.fixture
def exporter() -> Iterator[Any]:
    """Collects the spans of this process in memory."""
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    collected = InMemorySpanExporter()
    start_tracing(collected)
    yield collected
    stop_tracing()


def spans(exporter: Any) -> list[Any]:
    """The spans that ended, by their start."""
    return sorted(exporter.get_finished_spans(), key=lambda span: span.start_time)


def names(exporter: Any) -> list[str]:
    return [span.name for span in spans(exporter)]


def test_request_is_one_trace_with_a_span_for_each_stage(
    exporter: Any, client: TestClient, jpeg: bytes, pool_kind: str
) -> None:
    answer = client.post("/predict", files={"file": jpeg})

    assert answer.status_code == 200
    root, *stages = spans(exporter)
    at_replica = ["replica"] if pool_kind == "cluster" else []
    assert [span.name for span in stages] == [*STAGES[:3], *at_replica, *STAGES[3:]]
    assert {span.context.trace_id for span in stages} == {root.context.trace_id}
    parents = {span.name: span.parent.span_id for span in stages}
    inner = stages[3].context.span_id if at_replica else root.context.span_id
    assert parents["decode"] == parents["encoding"] == root.context.span_id
    assert parents["network"] == parents["box decoding"] == inner
    assert root.name == "POST /predict"
    assert root.attributes["detectlab.model"] == "tiny"
    assert root.attributes["detectlab.request_id"] == answer.headers["x-request-id"]
    assert root.resource.attributes["service.name"] == "detectlab"
    queue = next(span for span in stages if span.name == "queue")
    decode = next(span for span in stages if span.name == "decode")
    assert root.start_time <= queue.end_time <= decode.start_time
    assert max(span.end_time for span in stages) <= root.end_time


@pytest.mark.one_machine
def test_costly_picture_is_traced_in_its_own_threads(
    exporter: Any, client: TestClient, make_picture: Callable[..., bytes]
) -> None:
    picture = make_picture(progressive=True)

    assert client.post("/predict", files={"file": picture}).status_code == 200

    assert sorted(names(exporter)) == sorted(["POST /predict", *STAGES])
    assert len({span.context.trace_id for span in spans(exporter)}) == 1


@pytest.mark.one_machine
def test_trace_of_the_client_is_continued(exporter: Any, client: TestClient, jpeg: bytes) -> None:
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {**JSON, "traceparent": f"00-{trace_id}-{span_id}-01"}

    client.post("/predict", files={"file": jpeg}, headers=headers)

    root = spans(exporter)[0]
    assert format(root.context.trace_id, "032x") == trace_id
    assert format(root.parent.span_id, "016x") == span_id


@pytest.mark.one_machine
def test_refused_picture_and_internal_error_are_told(
    exporter: Any, client: TestClient, monkeypatch: pytest.MonkeyPatch, jpeg: bytes
) -> None:
    assert client.post("/predict", files={"file": b"no picture"}).status_code == 400
    monkeypatch.setattr(prediction, "thumbnail", None)  # a mistake of the server's
    monkeypatch.setattr("random.random", lambda: 0.0)
    assert client.post("/predict", files={"file": jpeg}).status_code == 500

    refused, failed = (span for span in spans(exporter) if span.name == "POST /predict")
    assert (refused.attributes["http.response.status_code"], refused.status.is_ok) == (400, True)
    assert (failed.attributes["http.response.status_code"], failed.status.is_ok) == (500, False)


@pytest.mark.one_machine
def test_what_is_no_request_with_a_body_has_no_span(exporter: Any, client: TestClient) -> None:
    assert client.get("/health").status_code == 200
    assert client.get("/ready").status_code == 200  # loads the detector, and warms it up

    assert names(exporter) == []


@pytest.mark.one_machine
def test_frames_of_a_stream_are_traces(
    exporter: Any, make_pool: Callable[..., Pool], tiny: NetworkDetector, jpeg: bytes
) -> None:
    with start(create_app(make_pool(tiny), Settings(workers=2))) as server:
        address = f"{server.url.replace('http', 'ws')}/stream"
        with connect(address, open_timeout=30, close_timeout=5) as socket:
            assert json.loads(socket.recv(timeout=30))["model"] == "tiny"
            socket.send(jpeg)
            assert json.loads(socket.recv(timeout=30))["frame"] == 1

    assert names(exporter) == ["frame", "queue", "decode", "network", "box decoding"]


@pytest.mark.one_machine
def test_another_process_continues_a_trace(
    exporter: Any, make_network: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    config, weights = make_network(2)
    detector = NetworkDetector("x", ("a", "b"), OpenCVEngine(Network(weights, config, (64, 64))))
    pixels = np.zeros((64, 64, 3), np.uint8)
    given = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}

    with continued(given):
        assert carrier() == given
        detector.detect(pixels)
    assert carrier() is None
    with continued(None):
        detector.detect(pixels)  # a health check of the replica

    assert names(exporter) == ["network", "box decoding"]
    assert {format(span.parent.span_id, "016x") for span in spans(exporter)} == {"b7ad6b7169203331"}


@pytest.mark.one_machine
def test_without_a_collector_nothing_is_wrapped(
    make_client: Callable[..., TestClient],
    tiny: NetworkDetector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    wrapped = (
        ThreadPool.run,
        OpenCVEngine.run,
        vars(prediction)["draw_bbox"],
        RemoteDetector.detect,
    )

    make_client(tiny)

    assert not any(hasattr(function, "__wrapped__") for function in wrapped)
    assert carrier() is None


@pytest.mark.one_machine
def test_functions_are_their_own_again_when_tracing_stops() -> None:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    before = ThreadPool.run
    start_tracing(InMemorySpanExporter())
    assert unwrap(ThreadPool.run) is before

    stop_tracing()

    assert ThreadPool.run is before


@pytest.mark.one_machine
def test_collector_of_the_environment_gets_the_spans_by_otlp(
    make_client: Callable[..., TestClient],
    tiny: NetworkDetector,
    jpeg: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    received: list[Any] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        client = make_client(tiny)
        assert client.post("/predict", files={"file": jpeg}).status_code == 200
        stop_tracing()
        server.shutdown()

    ((path, request),) = received
    (resource,) = request.resource_spans
    assert path == "/v1/traces"
    found = {span.name for scope in resource.scope_spans for span in scope.spans}
    assert found == {"POST /predict", *STAGES}


@pytest.mark.one_machine
def test_collector_without_the_extra_is_told_in_the_log(
    make_client: Callable[..., TestClient],
    tiny: NetworkDetector,
    jpeg: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    client = make_client(tiny)

    assert client.post("/predict", files={"file": jpeg}).status_code == 200
    assert (
        f"{ENDPOINT} is set, but there are no traces: they need OpenTelemetry. `pip" in caplog.text
    )
    assert not hasattr(ThreadPool.run, "__wrapped__")
