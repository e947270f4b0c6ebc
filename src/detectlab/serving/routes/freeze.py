"""The form that freezes a baseline: a page for browsers, which send no operators' token."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from detectlab.models.atomic_files import WeightsError
from detectlab.monitoring import page
from detectlab.monitoring.baseline import TooFewPictures
from detectlab.monitoring.exchange import BaselineNotShared
from detectlab.serving.errors import Refusal
from detectlab.serving.middleware import check_origin
from detectlab.serving.routes.monitoring import REFUSALS, known_version, monitor_of
from detectlab.serving.routes.sign_in import WRONG_SECRET
from detectlab.serving.service import Service

Model = Annotated[str, Query(max_length=200)]


def add_freeze_page(router: APIRouter, service: Service) -> None:
    """Add the page with the form, for clients: it changes nothing.

    Args:
        router: Where.
        service: Its monitor is meant.
    """

    @router.get("/monitoring/freeze", include_in_schema=False)
    async def read_page(model: Model = "") -> Response:
        return _page(service, known_version(service, model or service.dispatcher.stable_model))


def add_freeze_form(router: APIRouter, service: Service) -> None:
    """Add what the form sends: the operators' token is in it, as in that of `/sign-in`.

    Args:
        router: Where; it lets in all, since the form has the token.
        service: Its monitor freezes the baseline.
    """

    @router.post("/monitoring/freeze", include_in_schema=False)
    async def freeze(
        request: Request,
        model: Model = "",
        secret: Annotated[str, Form(max_length=1000)] = "",
        pictures: Annotated[int, Form(ge=1, le=2000)] = 1000,
    ) -> Response:
        check_origin(service.access, request)
        try:
            await service.access.check_secret(request, is_operator=True, given=secret.strip())
        except Refusal as no:
            return _page(service, model, Refusal(no.status, WRONG_SECRET[no.status], no.headers))
        monitor, name = monitor_of(service), known_version(service, model)
        try:
            await run_in_threadpool(monitor.freeze, name, pictures)
        except (TooFewPictures, WeightsError, BaselineNotShared) as error:
            return _page(service, name, REFUSALS[type(error)](error))
        return RedirectResponse("../monitoring", 303)


def _page(service: Service, model: str, problem: Refusal | None = None) -> Response:
    """The page with the form, and why it was refused."""
    text = page.render_form(
        model, has_key=service.access.has_key, problem=problem.detail if problem else ""
    )
    status = problem.status if problem else 200
    return HTMLResponse(text, status, page.FORM_HEADERS)
