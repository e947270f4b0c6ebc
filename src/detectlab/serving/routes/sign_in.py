"""The sign-in of browsers: a form for the key or token, and the cookie that stands for it."""

from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from detectlab.serving.errors import Refusal
from detectlab.serving.html_pages import load_template, page_headers
from detectlab.serving.middleware import check_origin
from detectlab.serving.service import Service
from detectlab.serving.sign_in import COOKIE, LASTS_S, is_signed_in, issue, page_of_this_server

_HEADERS = {
    **page_headers("script-src 'self'", "form-action 'self'"),
    "Cache-Control": "no-store",
}
Next = Annotated[str, Query(alias="next", max_length=100)]


def add_sign_in_routes(router: APIRouter, service: Service) -> None:
    """Add the page `/sign-in` with its script, what its form sends, and `/sign-out`."""
    access = service.access
    _add_script(router)

    def show(request: Request, next_page: str, problem: str, status: int) -> Response:
        page = load_template("detectlab.serving", "sign_in.html").render(
            here="sign-in",
            up="",
            next_page=next_page,
            problem=problem,
            has_key=access.has_key,
            is_signed_in=is_signed_in(request.cookies.get(COOKIE, ""), access.secret),
        )
        return HTMLResponse(page, status, _HEADERS)

    @router.get("/sign-in", include_in_schema=False)
    async def read_page(request: Request, next_page: Next = "") -> Response:
        return show(request, next_page, "", 200)

    @router.post("/sign-in", include_in_schema=False)
    async def sign_in(
        request: Request,
        secret: Annotated[str, Form(max_length=1000)] = "",
        next_page: Next = "",
    ) -> Response:
        check_origin(access, request)
        try:
            await access.check_secret(request, is_operator=True, given=secret.strip())
        except Refusal as no:
            return show(request, next_page, WRONG_SECRET[no.status], no.status)
        answer = RedirectResponse(page_of_this_server(next_page), 303)
        _set_cookie(request, answer, issue(access.secret), LASTS_S)
        return answer

    @router.post("/sign-out", include_in_schema=False)
    async def sign_out(request: Request) -> Response:
        check_origin(access, request)
        answer = RedirectResponse("sign-in", 303)
        _set_cookie(request, answer, "", 0)
        return answer


def _add_script(router: APIRouter) -> None:
    @router.get("/sign-in.js", include_in_schema=False)
    async def script() -> Response:
        text = (files("detectlab.serving") / "templates" / "sign_in.js").read_text("utf-8")
        return Response(text, media_type="text/javascript")


WRONG_SECRET = {
    401: "This is not the server's key.",
    403: "This is not the operators' token.",
    429: "Too many wrong tries came from this address. Try again in a minute.",
}


def _set_cookie(request: Request, answer: Response, value: str, lasts_s: int) -> None:
    """Set the cookie, which a browser sends to this server's paths and from its own pages only."""
    answer.set_cookie(
        COOKIE,
        value,
        max_age=lasts_s,
        path=request.scope.get("root_path", "") + "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
