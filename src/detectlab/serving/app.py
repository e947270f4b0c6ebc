"""The API: `create_app()` puts the service, its routes and the rollout together."""

import math
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader
from starlette.exceptions import HTTPException

import detectlab
from detectlab.monitoring.exchange import Exchange
from detectlab.monitoring.metrics import MonitoringMetrics
from detectlab.monitoring.monitor import Monitor
from detectlab.rollout.metrics import RolloutMetrics
from detectlab.rollout.service_hook import RolloutHook
from detectlab.rollout.store import SqliteStore, Store
from detectlab.serving import openapi
from detectlab.serving.class_names import UnknownThing
from detectlab.serving.deadline import DeadlinePassed
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.dispatch import Watcher
from detectlab.serving.errors import Refusal, refused_picture, validation_detail
from detectlab.serving.metrics import Metrics
from detectlab.serving.middleware import Level, RequestLog, RouteGuard
from detectlab.serving.pool import Pool, PoolClosed, PoolFull
from detectlab.serving.routes.registry import ROUTES, RefusalOf, guarded_route
from detectlab.serving.service import Service
from detectlab.serving.upload_store import retention
from detectlab.serving.uploads import Intake
from detectlab.serving.webhook import RETRIES_S, Webhook
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings
from detectlab.tracing import start_tracing
from detectlab.vision.images import ImageError

_EXPOSED_HEADERS = [
    "X-Detections",
    "X-Model",
    "X-Inference-Ms",
    "X-Precision",
    "X-Request-ID",
    "Retry-After",
]


def create_app(
    pool: Pool | None = None, settings: Settings | None = None, store: Store | None = None
) -> FastAPI:
    """The API over a pool of detectors.

    Args:
        pool: Runs the detectors; by default threads of this process, with the known detectors.
        settings: Limits and switches; by default those of the environment.
        store: Remembers the rollout; by default the file that the settings name.

    Returns:
        An ASGI app. It takes work at once; its lifespan loads the default detector ahead of the
        first request, and ends cleanly.
    """
    settings = settings or Settings()
    start_tracing()
    service = _service(pool or ThreadPool(settings=settings), settings, store)
    app = FastAPI(
        title="detectlab",
        summary="Finds objects in pictures.",
        description=f"{openapi.DESCRIPTION}\n{retention(settings)}",
        version=detectlab.__version__,
        openapi_tags=openapi.TAGS,
        # Relative to where the document itself is: right behind any prefix.
        servers=[{"url": "."}],
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name the `Host` that the client sent
        lifespan=service.lifespan,
    )
    _add_routes(app, service)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=_EXPOSED_HEADERS,
        )
    app.add_middleware(RequestLog, metrics=service.metrics)
    describe = app.openapi
    app.openapi = lambda: openapi.name_detectors(  # type: ignore[method-assign]
        describe(), list(service.pool.cards)
    )
    return app


def _service(pool: Pool, settings: Settings, store: Store | None) -> Service:
    intake = Intake(settings.max_held_bytes)
    metrics = Metrics(pool, intake)
    store = store or SqliteStore(settings.rollout_file)
    hook = RolloutHook(
        pool,
        store,
        settings,
        RolloutMetrics(metrics.registry),
        lambda: [seconds for _, seconds in metrics.latencies],
    )
    return Service(pool, settings, intake, metrics, hook, _watcher(settings, metrics, store))


def _watcher(settings: Settings, metrics: Metrics, store: Store) -> Watcher | None:
    if not settings.monitoring:
        return None
    shown = MonitoringMetrics(metrics.registry)
    secret = settings.monitoring_webhook_secret
    webhook = Webhook(
        settings.monitoring_webhook,
        secret=secret.get_secret_value() if secret else None,
        allows_private=settings.monitoring_webhook_private,
        retries_s=RETRIES_S,
        on_done=lambda outcome: shown.webhook.labels(outcome).inc(),
    )
    folder = settings.home / "monitoring" / "baselines"
    exchange = Exchange(store) if store.is_shared else None
    return Monitor(
        folder,
        shown,
        lambda alarm: webhook.send(alarm.as_json()),
        exchange,
        settings.monitoring_share,
    )


def _add_routes(app: FastAPI, service: Service) -> None:
    """Add every group of the registry, behind the guard that its level asks for."""
    access = service.access
    for kind, refusal in _REFUSALS.items():
        _add_refusal(app, kind, refusal)
    for group in ROUTES.values():
        intake = None if group.reads_body else service.intake
        guard = RouteGuard(group.level, access, intake, service.settings.deadline_s)
        secrets, statuses = _documented_access(group.level, access.has_key)
        router = APIRouter(
            route_class=guarded_route(guard),
            tags=[group.tag],
            dependencies=secrets,
            responses=openapi.errors(*statuses, *group.errors),
        )
        group.add(router, service)
        app.include_router(router)
        for kind, refusal in group.refusals.items():
            _add_refusal(app, kind, refusal)


def _documented_access(level: Level, has_key: bool) -> tuple[list[Any], tuple[int, ...]]:
    """The secret that the OpenAPI document asks for, and its errors; `RouteGuard` checks it."""
    if level == "open":
        return [], ()
    if has_key:
        return [Security(APIKeyHeader(name="X-API-Key", auto_error=False))], (401, 429)
    if level == "client":
        return [], (403,)
    token = APIKeyHeader(name="X-Operator-Token", scheme_name="OperatorToken", auto_error=False)
    return [Security(token)], (403, 429)


def _add_refusal(app: FastAPI, kind: type[Exception], refusal: RefusalOf) -> None:
    """Answer an exception of a route with `{"detail": "..."}`."""

    async def answer_error(request: Request, error: Exception) -> JSONResponse:
        no = refusal(error)
        return JSONResponse({"detail": no.detail}, no.status, no.headers)

    app.add_exception_handler(kind, answer_error)


def _try_again(error: PoolFull | Unavailable) -> Refusal:
    return Refusal(503, str(error), {"Retry-After": str(math.ceil(error.retry_after_s))})


_PLAIN_DETAILS = {
    404: "There is nothing at this address. /docs shows what there is.",
    405: "This address does not take that method. /docs shows which it takes.",
}


def _plain_refusal(error: HTTPException) -> Refusal:
    """Starlette's own 404 and 405."""
    detail = _PLAIN_DETAILS.get(error.status_code, error.detail)
    return Refusal(error.status_code, detail, error.headers)


_CLOSING = {"Retry-After": "1", "Connection": "close"}
_REFUSALS: dict[type[Exception], RefusalOf] = {
    Refusal: lambda error: error,
    ImageError: refused_picture,
    PoolFull: _try_again,
    PoolClosed: lambda error: Refusal(503, str(error), _CLOSING),
    Unavailable: _try_again,
    DeadlinePassed: lambda error: Refusal(504, str(error)),
    UnknownThing: lambda error: Refusal(404, str(error)),
    RequestValidationError: lambda error: Refusal(422, validation_detail(error.errors())),
    HTTPException: _plain_refusal,
}
