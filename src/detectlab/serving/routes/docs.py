"""The documentation page and its files, all served from here: it works without internet."""

from importlib.resources import files

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from detectlab.serving.service import Service

# Every address in it is relative: it works directly and behind any prefix alike.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>detectlab API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
{navigation}<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_NAVIGATION = """<nav style="font: 16px/1.5 system-ui, sans-serif; display: flex; gap: 1.2rem;
flex-wrap: wrap; padding: 1rem"><b>API</b><a href="rollout/report.html">Rollout</a>
<a href="monitoring">Monitoring</a></nav>
"""
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
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def add_docs_routes(router: APIRouter, service: Service) -> None:
    """Add the page and its files."""
    router.include_router(docs_routes(_NAVIGATION))


def docs_routes(navigation: str = "") -> APIRouter:
    """Routes of the page, its files, and `/docs/` with the slash, for any FastAPI app.

    Args:
        navigation: HTML above the documentation.
    """
    content = _PAGE.replace("{navigation}", navigation)

    async def page(request: Request) -> Response:
        return HTMLResponse(content, headers={"Content-Security-Policy": _POLICY})

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
