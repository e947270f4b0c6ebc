"""Routes about the service itself: alive, ready, version, description."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

import detectlab
from detectlab.detection.calibrations import chosen_precision
from detectlab.engines import choose
from detectlab.serving import openapi
from detectlab.serving.service import Service
from detectlab.serving.upload_store import retention

WELCOME = "Congratulations! Your API is working as expected. Now open /docs."
# The links are relative, so that they work behind any prefix.
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>detectlab</title>
<style>
  :root { color-scheme: light dark; font: 1.1rem/1.6 system-ui, sans-serif }
  body { max-width: 36rem; margin: 4rem auto; padding: 0 1rem }
</style>
<h1>detectlab finds objects in pictures</h1>
<p>Congratulations! Your API is working as expected.</p>
<ul>
  <li><a href="docs">Try every route</a> with pictures of your own</li>
  <li><a href="live">A live camera</a> with boxes on it</li>
  <li><a href="models">The detectors</a> of this server</li>
  <li><a href="rollout/report.html">The rollout</a>: who answers, and how a candidate compares</li>
  <li><a href="metrics">The counters</a>, for Prometheus</li>
</ul>
<p>A page for people who write no code: <code>make app</code>, then
  <a href="http://127.0.0.1:8501">127.0.0.1:8501</a> on your own machine.</p>
</html>
"""


def add_health_routes(router: APIRouter, service: Service) -> None:
    """Add the routes `/`, `/health`, `/ready`, `/version` and `/describe`."""

    @router.get("/", summary="Say hello", response_model=str)
    async def home(request: Request) -> Response | str:
        """Shows that the server answers; a browser gets a page with links."""
        if _is_browser(request.headers.get("accept", "")):
            return HTMLResponse(_PAGE, headers={"Vary": "Accept"})
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


def _is_browser(accept: str) -> bool:
    """Whether a client asks for pages: programs that take anything get JSON."""
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return "text/html" in kinds and "application/json" not in kinds
