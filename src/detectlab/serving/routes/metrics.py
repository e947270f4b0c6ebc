"""The route of the metrics."""

from fastapi import APIRouter, Response

from detectlab.serving.service import Service

_TEXT = {"content": {"text/plain": {"schema": {"type": "string"}}}}


def metrics_routes(service: Service) -> APIRouter:
    """The route `/metrics`."""
    router = APIRouter(tags=["service"])

    @router.get(
        "/metrics",
        summary="Counters for Prometheus",
        response_class=Response,
        responses={200: _TEXT},
    )
    async def metrics() -> Response:
        """Requests, errors, queue and latencies, in Prometheus' text format."""
        return Response(service.metrics.render(), media_type=service.metrics.content_type)

    return router
