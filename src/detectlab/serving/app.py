"""The API: `create_app()` gives it, ready for any ASGI server."""

import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Request, Response, Security
from fastapi import Query as Parameter
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader
from pydantic.json_schema import SkipJsonSchema
from starlette.exceptions import HTTPException

import detectlab
from detectlab.detection.detector import Detector
from detectlab.engines import choose
from detectlab.rollout.feedback import UnknownAnswer
from detectlab.rollout.history import PlanChanged
from detectlab.rollout.lanes import UnusableSide
from detectlab.rollout.store import Store, StoreError
from detectlab.rollout.transitions import NoSuchMove
from detectlab.serving import openapi
from detectlab.serving.auth import is_right_key
from detectlab.serving.class_names import UnknownThing, class_of
from detectlab.serving.deadline import DeadlinePassed
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.errors import Refusal, refused_picture
from detectlab.serving.forwarded_prefix import ForwardedPrefix
from detectlab.serving.prediction import Answer, Query, answer
from detectlab.serving.request_log import RequestLog
from detectlab.serving.routes.docs import docs_routes
from detectlab.serving.routes.rollout import rollout_routes
from detectlab.serving.schemas import Card, Count, FileError, Result
from detectlab.serving.service import Service, sentence
from detectlab.serving.worker_pool import Pool, PoolClosed, PoolFull, ThreadPool
from detectlab.settings import Settings
from detectlab.vision.images import ImageError

logger = logging.getLogger(__name__)

WELCOME = "Congratulations! Your API is working as expected. Now open /docs."
_TELLING_HEADERS = ["X-Detections", "X-Model", "X-Inference-Ms", "X-Request-ID", "Retry-After"]

Confidence = Annotated[
    float,
    Parameter(
        ge=0, le=1, allow_inf_nan=False,
        description="How sure the detector must be: lower shows more objects, and more mistakes.",
    ),
]  # fmt: skip
Threshold = Annotated[
    float,
    Parameter(
        ge=0, le=1, allow_inf_nan=False,
        description="Of two boxes that overlap more than this, the more confident one stays.",
    ),
]  # fmt: skip

Model = str | SkipJsonSchema[None]
Things = Annotated[
    str, Path(description="What to count.", examples=["apples"], min_length=1, max_length=60)
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
    service = Service(pool or ThreadPool(settings=settings), settings, store)
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
    app.router.routes.extend(docs_routes())
    locked = [Security(_key_check(settings))] if settings.api_key else []
    app.include_router(_public_routes(service))
    no_key = openapi.errors(401) if locked else {}
    for router in (
        _detector_routes(service),
        _picture_routes(service),
        rollout_routes(service.router, settings),
    ):
        app.include_router(router, dependencies=locked, responses=no_key)
    _add_error_answers(app)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(settings.cors_origins), allow_methods=["*"],
            allow_headers=["*"], expose_headers=_TELLING_HEADERS,
        )  # fmt: skip
    app.add_middleware(ForwardedPrefix)
    app.add_middleware(RequestLog, on_request=service.metrics.count_request)
    describe = app.openapi
    app.openapi = lambda: openapi.name_detectors(  # type: ignore[method-assign]
        describe(), list(service.pool.cards)
    )
    return app


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


def _public_routes(service: Service) -> APIRouter:
    """Routes that need no key."""
    router = APIRouter(tags=["service"])

    @router.get("/", summary="Say hello")
    async def home() -> str:
        """Shows that the server answers."""
        return WELCOME

    @router.get("/health", summary="Is it alive?")
    async def health() -> str:
        """Answers while the process is alive, however busy it is."""
        return "HEALTH OK"

    @router.get("/ready", summary="Can it answer?", responses=openapi.errors(503, 504))
    async def ready() -> str:
        """Answers 200 once the default detector is loaded, 503 before."""
        await service.check_ready()
        return "READY"

    @router.get("/version", summary="Which version is it?")
    async def version() -> str:
        """The version of detectlab."""
        return detectlab.__version__

    @router.get("/describe", summary="What is it?")
    async def describe() -> str:
        """What this service does, and which detector answers by default."""
        return (
            "detectlab finds objects in pictures. Send one to /predict; /docs shows how. "
            f"The default detector is {service.pool.default}. Networks are run by "
            f"{choose(service.settings.engine)}, precision {service.settings.precision}."
        )

    return router


def _detector_routes(service: Service) -> APIRouter:
    """Routes that tell about detectors and counters."""
    router = APIRouter()
    pool = service.pool

    @router.get(
        "/models", tags=["detectors"], summary="List the detectors", responses=openapi.errors(422)
    )
    async def models(
        all: Annotated[bool, Parameter(description="Those too whose files are not here.")] = False,
    ) -> list[str]:
        """The names of the detectors that can answer, the default one first."""
        names = sorted(pool.cards, key=lambda name: name != pool.default)
        return [name for name in names if all or pool.is_available(name)]

    @router.get(
        "/models/{name}", tags=["detectors"], summary="Describe a detector",
        responses=openapi.errors(404, 422),
    )  # fmt: skip
    async def card(name: str) -> Card:
        """Its family, input, classes and licence, and whether it is loaded."""
        cards = pool.cards
        if name not in cards:
            raise Refusal(
                404, f"There is no detector {name[:40]!a}. There are: {', '.join(cards)}."
            )
        known = cards[name]
        return Card(
            **{field: getattr(known, field) for field in _CARD_FIELDS},
            classes=list(known.classes),
            size_bytes=known.size,
            available=pool.is_available(name),
            loaded=name in pool.loaded,
        )

    @router.get(
        "/metrics", tags=["service"], summary="Counters for Prometheus", response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )  # fmt: skip
    async def metrics() -> Response:
        """Requests, errors, queue and latencies, in Prometheus' text format."""
        return Response(service.metrics.render(), media_type=service.metrics.content_type)

    return router


_CARD_FIELDS = (
    "name", "description", "family", "input_size", "input_height", "licence", "licence_url",
)  # fmt: skip


def _picture_routes(service: Service) -> APIRouter:
    """Routes that take pictures."""
    router = APIRouter(tags=["detect"])
    model_query = Parameter(
        default=None,
        description="The detector. When it is not named, the rollout plan decides who answers: "
        f"without one, {service.pool.default}.",
    )
    body = openapi.picture_body(service.pool.default)
    _add_predict(router, service, model_query, body)
    _add_batch(router, service, model_query)
    _add_count(router, service, model_query, body)
    return router


def _add_predict(
    router: APIRouter, service: Service, model_query: Any, body: dict[str, Any]
) -> None:
    @router.post(
        "/predict", summary="Find the objects in a picture", response_class=Response,
        responses=openapi.PREDICT_ANSWERS, openapi_extra=body,
    )  # fmt: skip
    async def predict(
        request: Request, model: Model = model_query,
        confidence: Confidence = 0.5, nms_threshold: Threshold = 0.3,
    ) -> Response:  # fmt: skip
        """Send a picture as a form and get it back with boxes, or as numbers when the request says
        `Accept: application/json`. Send it in JSON, and get numbers: then `model`, `confidence` and
        `nms_threshold` stand in the body, not in the address.
        """  # noqa: D205
        deadline = service.deadline()
        query = service.query(request, model, confidence, nms_threshold)
        with service.intake.hold() as held:
            query, read = await service.receive(request, query, deadline, held)

            def work(detector: Detector, query: Query) -> Answer:
                return answer(detector, read(), query, deadline)

            found = await service.run(request, query, work, deadline)
        service.note(request, query, found)
        headers = {
            "X-Detections": str(len(found.detections)),
            "X-Model": found.model,
            "X-Inference-Ms": f"{found.seconds * 1000:.1f}",
        }
        if not found.drawn:
            return JSONResponse(found.result.model_dump(), headers=headers)
        media_type = f"image/{found.drawn_format.lower()}"
        return Response(found.drawn, media_type=media_type, headers=headers)


def _add_batch(router: APIRouter, service: Service, model_query: Any) -> None:
    @router.post(
        "/predict/batch", summary="Find the objects in several pictures",
        responses=openapi.PICTURE_ERRORS,
        openapi_extra=openapi.batch_body(service.settings.max_batch_files),
    )  # fmt: skip
    async def predict_batch(
        request: Request, model: Model = model_query,
        confidence: Confidence = 0.5, nms_threshold: Threshold = 0.3,
    ) -> list[Result | FileError]:  # fmt: skip
        """Send several pictures, each as a field `files`. The answers come in the same order: a
        result for each, or its error, with the status that it would have got alone.
        """  # noqa: D205
        deadline = service.deadline()
        query = service.query(request, model, confidence, nms_threshold)
        query = replace(query, accept="application/json")
        with service.intake.hold() as held:
            files = await service.receive_batch(request, deadline, held)
            answers = await service.answer_each(request, query, files, deadline)
        results: list[Result | FileError] = []
        for number, found in enumerate(answers):
            if isinstance(found, Refusal):
                results.append(FileError(detail=found.detail, status=found.status))
            else:
                service.note(request, query, found, number)
                results.append(found.result)
        return results


def _add_count(router: APIRouter, service: Service, model_query: Any, body: dict[str, Any]) -> None:
    @router.post("/count-{things}", include_in_schema=False)
    @router.post(
        "/count-{things}/", summary="Count the objects of one kind",
        responses={**openapi.PICTURE_ERRORS, **openapi.errors(404)},
        openapi_extra=body,
    )  # fmt: skip
    async def count(
        request: Request, things: Things, model: Model = model_query,
        confidence: Confidence = 0.5, nms_threshold: Threshold = 0.3,
    ) -> Count:  # fmt: skip
        """Ask, for example, `/count-cars/` or `/count-potted-plants/`: anything that the detector
        knows, in singular or plural.
        """  # noqa: D205
        deadline = service.deadline()
        query = service.query(request, model, confidence, nms_threshold)
        class_of(things, service.classes(query))  # before the body is read
        query = replace(query, accept="application/json")
        with service.intake.hold() as held:
            query, read = await service.receive(request, query, deadline, held)
            class_of(things, service.classes(query))

            def work(detector: Detector, query: Query) -> Answer:
                return answer(detector, read(), query, deadline)

            found = await service.run(request, query, work, deadline)
        service.note(request, query, found)
        class_name = class_of(things, found.detections.names)
        number = found.detections.count(class_name)
        return Count(model=found.model, class_name=class_name, count=number)


def _add_error_answers(app: FastAPI) -> None:
    """Let every exception that a route may raise become `{"detail": "..."}`."""

    def add(kind: type[Exception], refusal: Callable[[Any], Refusal]) -> None:
        async def answer_error(request: Request, error: Exception) -> JSONResponse:
            no = refusal(error)
            return JSONResponse({"detail": no.detail}, no.status, no.headers)

        app.add_exception_handler(kind, answer_error)

    add(Refusal, lambda error: error)
    add(ImageError, refused_picture)
    add(PoolFull, _try_again)
    add(PoolClosed, lambda error: Refusal(503, str(error), _SOON))
    add(Unavailable, _try_again)
    add(DeadlinePassed, lambda error: Refusal(504, str(error)))
    add(PlanChanged, lambda error: Refusal(412, str(error)))
    add(NoSuchMove, lambda error: Refusal(409, str(error)))
    add(UnusableSide, lambda error: Refusal(422, str(error)))
    add(UnknownAnswer, lambda error: Refusal(404, str(error)))
    add(StoreError, _no_store)
    add(UnknownThing, lambda error: Refusal(404, str(error)))
    add(RequestValidationError, lambda error: Refusal(422, sentence(error.errors())))
    add(HTTPException, _plain_refusal)


_SOON = {"Retry-After": "1", "Connection": "close"}
_SENTENCES = {
    404: "There is nothing at this address. /docs shows what there is.",
    405: "This address does not take that method. /docs shows which it takes.",
}


def _no_store(error: StoreError) -> Refusal:
    logger.error("%s", error)  # names a file, which is nobody else's business
    return Refusal(
        503,
        "The rollout's file cannot be used now; the server's log says why. Ask again later.",
        {"Retry-After": "60"},
    )


def _try_again(error: PoolFull | Unavailable) -> Refusal:
    return Refusal(503, str(error), {"Retry-After": str(math.ceil(error.retry_after_s))})


def _plain_refusal(error: HTTPException) -> Refusal:
    """Starlette's own 404 and 405."""
    return Refusal(
        error.status_code, _SENTENCES.get(error.status_code, error.detail), error.headers
    )
