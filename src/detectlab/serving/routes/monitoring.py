"""The routes of monitoring: what is watched, for clients; baselines, for operators."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from detectlab.models.atomic_files import WeightsError
from detectlab.monitoring import page
from detectlab.monitoring.baseline import Baseline, TooFewPictures
from detectlab.monitoring.exchange import BaselineNotShared
from detectlab.monitoring.monitor import Monitor
from detectlab.monitoring.report import report
from detectlab.serving import openapi
from detectlab.serving.errors import Refusal, unknown_model
from detectlab.serving.html_pages import asks_for_page
from detectlab.serving.service import Service

REFUSALS: Mapping[type[Exception], Callable[[Any], Refusal]] = {
    TooFewPictures: lambda error: Refusal(409, str(error)),
    BaselineNotShared: lambda error: Refusal(
        503,
        "The baseline is in force at one gateway, but the others could not be told. Freeze it "
        "again in a moment.",
        {"Retry-After": "5"},
    ),
    WeightsError: lambda error: Refusal(
        503,
        "The baseline cannot be written: the server's disk is full, or its folder is not "
        "writable. The older one stays in force.",
        {"Retry-After": "60"},
    ),
}
_MAX_NAME = 120  # it becomes the name of a file
_OFF = Refusal(404, "This server watches nothing: it was started with DETECTLAB_MONITORING=0.")
_PAGE = {"content": {"text/html": {"schema": {"type": "string"}}}}


def add_monitoring_routes(routes: APIRouter, service: Service) -> None:
    """Add the route that says what is watched."""

    @routes.get(
        "/monitoring",
        summary="Have the pictures or the answers changed?",
        responses={200: _PAGE, **openapi.errors(404)},
        response_model=dict[str, Any],
    )
    async def monitoring(request: Request) -> Response:
        """Statistics, baselines and alarms: as JSON, or as a page to browsers."""
        found = await run_in_threadpool(
            report, monitor_of(service), service.settings.monitoring_share
        )
        if asks_for_page(request):
            return HTMLResponse(page.render(found), headers=page.HEADERS)
        return JSONResponse(found)


def add_baseline_routes(routes: APIRouter, service: Service) -> None:
    """Add the routes that set a baseline."""

    @routes.post("/monitoring/baseline", summary="Freeze the last answers as the baseline")
    async def freeze(
        model: Annotated[
            str | None, Query(max_length=200, description="The detector; by default stable's.")
        ] = None,
        pictures: Annotated[
            int, Query(ge=1, le=2000, description="How many of the last pictures.")
        ] = 1000,
    ) -> dict[str, Any]:
        """From now on pictures and answers are compared with these."""
        monitor = monitor_of(service)
        name = known_version(service, model or service.dispatcher.stable_model)
        return _brief(await run_in_threadpool(monitor.freeze, name, pictures))

    @routes.put(
        "/monitoring/baseline",
        summary="Put a baseline in force",
        responses=openapi.UNREADABLE,
    )
    async def put(baseline: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        """A baseline that was computed elsewhere: `detectlab monitor baseline --photos`."""
        monitor = monitor_of(service)
        try:
            wanted = Baseline.of_json(baseline)
        except ValueError as error:
            raise Refusal(422, str(error)) from None
        known_version(service, wanted.model)
        wanted.check()
        await run_in_threadpool(monitor.put, wanted)
        return _brief(wanted)


def monitor_of(service: Service) -> Monitor:
    """The service's monitor; refused with 404 where it watches nothing."""
    if not isinstance(service.watcher, Monitor):
        raise _OFF
    return service.watcher


def known_version(service: Service, model: str) -> str:
    """A detector's name, or the label of a version such as `nano@input_size=256`.

    Args:
        service: Knows the detectors.
        model: What was sent; refused with 422 when it is none.
    """
    if service.pool.card(model.partition("@")[0]) is None or len(model) > _MAX_NAME:
        raise unknown_model(model, service.pool.cards)
    return model


def _brief(baseline: Baseline) -> dict[str, Any]:
    return {
        "model": baseline.model,
        "at": baseline.at,
        "source": baseline.source,
        "pictures": baseline.sketch.pictures,
    }
