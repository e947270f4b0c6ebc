"""The API: `create_app()` puts the service, its routes and the rollout together."""

import math
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader
from starlette.exceptions import HTTPException

import detectlab
from detectlab.kernel.forwarded_prefix import ForwardedPrefix
from detectlab.rollout.metrics import RolloutMetrics
from detectlab.rollout.service_hook import RolloutHook
from detectlab.rollout.store import SqliteStore, Store
from detectlab.serving import openapi
from detectlab.serving.auth import is_right_key
from detectlab.serving.class_names import UnknownThing
from detectlab.serving.deadline import DeadlinePassed
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.errors import Refusal, refused_picture, validation_detail
from detectlab.serving.metrics import Metrics
from detectlab.serving.pool import Pool, PoolClosed, PoolFull
from detectlab.serving.request_log import RequestLog
from detectlab.serving.routes.registry import ROUTES, RefusalOf
from detectlab.serving.service import Service
from detectlab.serving.uploads import Intake
from detectlab.serving.worker_pool import ThreadPool
from detectlab.settings import Settings
from detectlab.vision.images import ImageError

_EXPOSED_HEADERS = ["X-Detections", "X-Model", "X-Inference-Ms", "X-Request-ID", "Retry-After"]


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
    service = _service(pool or ThreadPool(settings=settings), settings, store)
    app = FastAPI(
        title="detectlab",
        summary="Finds objects in pictures.",
        description=openapi.DESCRIPTION,
        version=detectlab.__version__,
        openapi_tags=openapi.TAGS,
        # Relative to where the document itself is: right behind any prefix.
        servers=[{"url": "."}],
        docs_url=None,
        redoc_url=None,
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
    app.add_middleware(ForwardedPrefix)
    app.add_middleware(RequestLog, on_request=service.metrics.count_request)
    describe = app.openapi
    app.openapi = lambda: openapi.name_detectors(  # type: ignore[method-assign]
        describe(), list(service.pool.cards)
    )
    return app


def _service(pool: Pool, settings: Settings, store: Store | None) -> Service:
    intake = Intake(settings.max_held_bytes)
    metrics = Metrics(pool, intake)
    hook = RolloutHook(
        pool,
        store or SqliteStore(settings.rollout_file),
        settings,
        RolloutMetrics(metrics.registry),
        lambda: [seconds for _, seconds in metrics.latencies],
    )
    return Service(pool, settings, intake, metrics, hook)


def _add_routes(app: FastAPI, service: Service) -> None:
    """Add every group of the registry, with the key check and the refusals of each."""
    key_check = [Security(_key_check(service.settings))] if service.settings.api_key else []
    for kind, refusal in _REFUSALS.items():
        _add_refusal(app, kind, refusal)
    for group in ROUTES.values():
        locked = group.needs_key and bool(key_check)
        app.include_router(
            group.build(service),
            dependencies=key_check if locked else [],
            responses=openapi.errors(401) if locked else {},
        )
        for kind, refusal in group.refusals.items():
            _add_refusal(app, kind, refusal)


def _key_check(settings: Settings) -> Callable[..., Awaitable[None]]:
    scheme = APIKeyHeader(name="X-API-Key", auto_error=False)

    async def check(key: Annotated[str | None, Security(scheme)]) -> None:
        if not is_right_key(key, settings):
            raise Refusal(
                401,
                "Send the server's API key in the header `X-API-Key`.",
                {"WWW-Authenticate": "APIKey"},
            )

    return check


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
