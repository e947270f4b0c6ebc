"""The live camera: its page, and the WebSocket that answers its frames."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import APIRouter, WebSocket
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response

from detectlab.serving.auth import Access, is_host
from detectlab.serving.errors import Refusal, unknown_model
from detectlab.serving.frame_stream import FrameStreams
from detectlab.serving.html_pages import load_template, page_headers
from detectlab.serving.middleware import check_origin
from detectlab.serving.prediction import Query
from detectlab.serving.routes.parameters import Confidence, Model, NmsThreshold
from detectlab.serving.service import Service
from detectlab.vision.colours import class_colour

PROTOCOL = "detectlab"
_KEY_PREFIX = "key."
_HEADERS = page_headers("connect-src 'self' ws: wss:", default="'self'")
_FILES = files("detectlab.serving") / "templates"


def add_live_routes(router: APIRouter, service: Service) -> None:
    """Add the page `/live` with its scripts, and the WebSocket `/stream`."""
    _add_stream(router, service)

    @router.get("/live", summary="Watch a live camera", response_class=HTMLResponse)
    async def page() -> Response:
        """A page that shows the browser's camera with boxes on it."""
        page = load_template("detectlab.serving", "live.html").render(here="live", up="")
        return HTMLResponse(page, headers=_HEADERS)

    @router.get("/live/{name}.js", include_in_schema=False)
    async def script(name: str) -> Response:
        if name not in ("live", "tracks"):
            raise Refusal(404, "There is nothing at this address. /docs shows what there is.")
        return Response((_FILES / f"{name}.js").read_text("utf-8"), media_type="text/javascript")


def _add_stream(router: APIRouter, service: Service) -> None:
    streams = FrameStreams(service)

    @router.websocket("/stream")
    async def stream(
        socket: WebSocket,
        model: Model = None,
        confidence: Confidence = 0.5,
        nms_threshold: NmsThreshold = 0.3,
    ) -> None:
        async def run() -> None:
            await _check_access(socket, service.access)
            name = service.dispatcher.stable_model if model is None else model
            card = service.pool.card(name)
            if card is None:
                raise unknown_model(name, service.pool.cards)
            limits = (confidence, nms_threshold, service.settings.max_pixels)
            async with streams.admit():
                offered = PROTOCOL in socket.scope.get("subprotocols", [])
                await socket.accept(PROTOCOL if offered else None)
                colours = {it: f"#{bytes(class_colour(it)).hex()}" for it in card.classes}
                await socket.send_json({"model": name, "colours": colours})
                await streams.run(socket, Query(name, *limits, "application/json"))

        await _or_refuse(socket, run)


async def _or_refuse(socket: WebSocket, run: Callable[[], Awaitable[None]]) -> None:
    """Run a stream; a refusal before it began is an HTTP answer."""
    try:
        await run()
    except Refusal as no:
        answer = JSONResponse({"detail": no.detail}, no.status, no.headers)
        await socket.send_denial_response(answer)


async def _check_access(socket: HTTPConnection, access: Access) -> None:
    """Refuse a stream as a route for clients refuses a request.

    Raises:
        Refusal: 400, 401, 403 or 429.
    """
    headers = socket.headers
    if len(headers.getlist("host")) > 1 or not is_host(headers.get("host", "")):
        raise Refusal(400, "Send one `Host`, such as localhost:8000.")
    check_origin(access, socket)
    if access.has_key:
        await access.check_secret(socket, is_operator=False, given=_key_of(socket))


def _key_of(socket: HTTPConnection) -> str:
    """The API key: of its header, or of a subprotocol, since browsers send no headers here."""
    for name in socket.scope.get("subprotocols", []):
        if name.startswith(_KEY_PREFIX):
            padded = name.removeprefix(_KEY_PREFIX) + "=="
            try:
                return base64.urlsafe_b64decode(padded).decode("utf-8", "replace")
            except (binascii.Error, ValueError):
                return ""
    return socket.headers.get("x-api-key", "")
