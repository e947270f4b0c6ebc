"""Routes about the service itself: alive, ready, version, description."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

import detectlab
from detectlab.detection.calibrations import chosen_precision
from detectlab.engines import choose
from detectlab.serving import openapi
from detectlab.serving.html_pages import asks_for_page, load_template, page_headers
from detectlab.serving.service import Service
from detectlab.serving.upload_store import retention

WELCOME = "Congratulations! Your API is working as expected. Now open /docs."


def add_health_routes(router: APIRouter, service: Service) -> None:
    """Add the routes `/`, `/health`, `/ready`, `/version` and `/describe`."""

    @router.get("/", summary="Say hello", response_model=str)
    async def home(request: Request) -> Response | str:
        """Shows that the server answers; a browser gets a page with links."""
        if asks_for_page(request):
            page = load_template("detectlab.serving", "home.html").render(here="", up="")
            return HTMLResponse(page, headers={**page_headers(), "Vary": "Accept"})
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
            f"{choose(service.settings.engine)}, precision {service.settings.precision}"
            f"{_arithmetic(service)}. "
            f"{retention(service.settings)}"
        )


def _arithmetic(service: Service) -> str:
    """What the default detector is computed in, where the settings leave that to the machine."""
    card = service.pool.card(service.pool.default)
    if service.settings.precision == "float32" or card is None:
        return ""
    return f" ({chosen_precision(card, service.settings)} for {card.name})"
