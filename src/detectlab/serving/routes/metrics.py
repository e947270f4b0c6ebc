"""The route of the metrics."""

from fastapi import APIRouter, Response

from detectlab.serving.service import Service

_TEXT = {"content": {"text/plain": {"schema": {"type": "string"}}}}


def add_metrics_routes(router: APIRouter, service: Service) -> None:
    """Add the route `/metrics`."""

    @router.get(
        "/metrics",
        summary="Counters for Prometheus",
        response_class=Response,
        responses={200: _TEXT},
    )
    async def metrics() -> Response:
        """Requests, errors, queue and latencies, in Prometheus' text format."""
        return Response(service.metrics.render(), media_type=service.metrics.content_type)
