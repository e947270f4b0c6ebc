"""The documentation page and its files, all served from here: it works without internet."""

from importlib.resources import files

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from detectlab.serving.html_pages import load_template, page_headers
from detectlab.serving.service import Service

# In a file of its own, so that the policy below can forbid scripts inside pages.
_START = """window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null
});
"""
_TYPES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}


def add_docs_routes(router: APIRouter, service: Service) -> None:
    """Add the page, with links to the server's other pages."""
    router.include_router(docs_routes(has_links=True))


def docs_routes(*, has_links: bool = False) -> APIRouter:
    """Routes of the page, its files, and `/docs/` with the slash, for any FastAPI app.

    Args:
        has_links: Whether the page links to the other pages of a detectlab server.
    """
    links = {"here": "docs"} if has_links else {}

    async def page(request: Request) -> Response:
        text = load_template("detectlab.serving", "docs.html").render(up="", **links)
        return HTMLResponse(text, headers=page_headers(default="'self'"))

    async def with_slash(request: Request) -> Response:
        return RedirectResponse("../docs")

    async def start(request: Request) -> Response:
        return Response(_START, media_type="text/javascript")

    def asset(name: str) -> Route:
        file = files("fastapi_swagger") / "resources" / name
        media_type = _TYPES[name]

        def read(request: Request) -> Response:
            headers = {"Cache-Control": "max-age=3600"}
            return Response(file.read_bytes(), media_type=media_type, headers=headers)

        return Route(f"/docs/{name}", read)

    return APIRouter(
        routes=[
            Route("/docs", page),
            Route("/docs/", with_slash),
            Route("/docs/start.js", start),
            *(asset(name) for name in _TYPES),
        ]
    )
