"""Traces of requests with OpenTelemetry: a span for each stage of an answer. Off by default.

`start_tracing` wraps the functions that `_STAGES` names, as OpenTelemetry's own instrumentations
do. Without it a request calls nothing of this file, and OpenTelemetry is not imported.
"""

import contextvars
import importlib
import inspect
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import detectlab

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

logger = logging.getLogger(__name__)

# The standard variables that name a collector; the exporter reads them, and all others of theirs.
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
# Function -> its span. A stage is recorded within a request only.
_STAGES = {
    "detectlab.serving.service:read_picture": "upload",
    "detectlab.serving.service:read_pictures": "upload",
    "detectlab.serving.service:read_question": "upload",
    "detectlab.serving.picture_decoder:PictureDecoder.decode": "decode",
    "detectlab.engines.opencv:OpenCVEngine.run": "network",
    "detectlab.engines.openvino:OpenVINOEngine.run": "network",
    "detectlab.decoders.base:Decoder.decode": "box decoding",
    "detectlab.decoders.darknet:Darknet.decode": "box decoding",
    "detectlab.serving.prediction:draw_bbox": "drawing",
    "detectlab.serving.prediction:encode_image": "encoding",
    "detectlab.cluster.remote_pool:RemoteDetector.detect": "replica",
}
_REQUEST = "detectlab.serving.middleware:RequestLog.__call__"
_REQUEST_LINE = "detectlab.serving.middleware:_write_line"
_FRAME = "detectlab.serving.frame_stream:FrameStreams._answer"
_QUEUE = "detectlab.serving.worker_pool:ThreadPool.run"
_COSTLY_WORK = "detectlab.serving.costly_pictures:CostlyPictures._call"

Carrier = Mapping[str, str]

_starting = threading.Lock()
_active: "_Tracing | None" = None


def start_tracing(exporter: "SpanExporter | None" = None) -> None:
    """Trace this process from now on, when the environment names a collector.

    Args:
        exporter: Gets the spans at once instead of a collector.
    """
    global _active
    with _starting:
        if _active or not (exporter or any(map(os.environ.get, _ENDPOINTS))):
            return
        try:
            _active = _Tracing(exporter)
        except ImportError:
            logger.warning(
                "%s is set, but there are no traces: they need OpenTelemetry. "
                '`pip install "detectlab[otel]"` brings it.',
                next(filter(os.environ.get, _ENDPOINTS)),
            )


def stop_tracing() -> None:
    """Export what is recorded, and trace nothing any more."""
    global _active
    with _starting:
        if _active:
            _active.stop()
        _active = None


def carrier() -> Carrier | None:
    """The current span in a form for another process; `None` without one."""
    return _active.carrier() if _active else None


def continued(given: Carrier | None) -> AbstractContextManager[None]:
    """Make a span of another process the current one, until the end of the block.

    Args:
        given: As `carrier` gives it.
    """
    return _active.continued(given) if _active and given else nullcontext()


class _Tracing:
    """Records spans of this process; arguments as for `start_tracing`."""

    def __init__(self, exporter: "SpanExporter | None") -> None:
        from opentelemetry import context, trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        name = os.environ.get("OTEL_SERVICE_NAME", "detectlab")
        resource = Resource.create({"service.name": name, "process.pid": os.getpid()})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(
            SimpleSpanProcessor(exporter) if exporter else BatchSpanProcessor(OTLPSpanExporter())
        )
        self._tracer = self._provider.get_tracer("detectlab", detectlab.__version__)
        self._trace, self._context = trace, context
        self._propagator = TraceContextTextMapPropagator()
        self._replaced: list[tuple[Any, str, Any]] = []
        for target, stage in _STAGES.items():
            self._wrap(target, partial(self._traced, stage, is_root=False))
        self._wrap(_FRAME, partial(self._traced, "frame", is_root=True))
        self._wrap(_REQUEST, self._traced_request)
        self._wrap(_REQUEST_LINE, self._described_request)
        self._wrap(_QUEUE, self._traced_queue)
        self._wrap(_COSTLY_WORK, self._with_context)

    def stop(self) -> None:
        for owner, name, original in reversed(self._replaced):
            setattr(owner, name, original)
        self._provider.shutdown()

    def carrier(self) -> Carrier | None:
        found: dict[str, str] = {}
        self._propagator.inject(found)
        return found or None

    @contextmanager
    def continued(self, given: Carrier) -> Iterator[None]:
        token = self._context.attach(self._propagator.extract(given))
        try:
            yield
        finally:
            self._context.detach(token)

    def _wrap(self, target: str, wrapper: Callable[[Any], Any]) -> None:
        """Replace a function, `package.module:name` or `package.module:Class.name`."""
        module, _, path = target.partition(":")
        try:
            owner: Any = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name and error.name.startswith("detectlab"):
                raise
            return  # of an engine that is not installed
        *classes, name = path.split(".")
        for part in classes:
            owner = getattr(owner, part)
        original = getattr(owner, name)
        setattr(owner, name, wraps(original)(wrapper(original)))
        self._replaced.append((owner, name, original))

    @property
    def _is_traced(self) -> bool:
        """Whether a span is current that is recorded, here or in the process that began it."""
        current = self._trace.get_current_span().get_span_context()
        return current.is_valid and current.trace_flags.sampled

    def _traced(self, stage: str, function: Any, *, is_root: bool) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not (is_root or self._is_traced):
                return function(*args, **kwargs)
            with self._tracer.start_as_current_span(stage):
                return function(*args, **kwargs)

        async def call_async(*args: Any, **kwargs: Any) -> Any:
            if not (is_root or self._is_traced):
                return await function(*args, **kwargs)
            with self._tracer.start_as_current_span(stage):
                return await function(*args, **kwargs)

        return call_async if inspect.iscoroutinefunction(function) else call

    def _traced_request(self, answer: Any) -> Any:
        """A span for each request that sends something, within the client's where it has one."""

        async def call(log: Any, scope: Any, receive: Any, send: Any) -> Any:
            if scope["type"] != "http" or scope["method"] != "POST":
                return await answer(log, scope, receive, send)
            headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
            parent = self._propagator.extract(headers)
            kind = self._trace.SpanKind.SERVER
            with self._tracer.start_as_current_span("POST", context=parent, kind=kind):
                return await answer(log, scope, receive, send)

        return call

    def _described_request(self, write_line: Any) -> Any:
        def call(record: Any, route: str, status: int, seconds: float) -> None:
            span, method = self._trace.get_current_span(), record.scope["method"]
            span.update_name(f"{method} {route}")
            span.set_attributes(
                {
                    "http.request.method": method,
                    "http.route": route,
                    "http.response.status_code": status,
                    "detectlab.request_id": record.request_id,
                    "detectlab.model": record.scope["state"].get("model", "-"),
                }
            )
            if status >= 500:
                span.set_status(self._trace.StatusCode.ERROR)
            write_line(record, route, status, seconds)

        return call

    def _traced_queue(self, run: Any) -> Any:
        """A span until a worker begins; the work then continues the request's trace."""

        async def call(pool: Any, name: str, work: Any, deadline: Any) -> Any:
            if not self._is_traced:
                return await run(pool, name, work, deadline)
            queue, context = self._tracer.start_span("queue"), contextvars.copy_context()

            def begin(detector: Any) -> Any:
                queue.end()
                return context.run(work, detector)

            try:
                return await run(pool, name, begin, deadline)
            finally:
                if queue.is_recording():  # it was refused, or its client left
                    queue.end()

        return call

    def _with_context(self, call_in_thread: Any) -> Any:
        async def call(pictures: Any, work: Any) -> Any:
            return await call_in_thread(pictures, partial(contextvars.copy_context().run, work))

        return call
