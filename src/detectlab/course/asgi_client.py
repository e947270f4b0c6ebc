"""Requests to a learner's ASGI app in this process: no port, and its errors stay available."""

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

_TIMEOUT_S = 60.0


@dataclass
class Answer:
    """The answer of an app.

    Attributes:
        status: HTTP status code; 500 when the app raised an error.
        body: Content of the answer.
        error: What the app raised, or `None`.
    """

    status: int = 500
    body: bytes = b""
    error: Exception | None = None

    def json(self) -> Any:
        """The body as JSON; its text when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body.decode("utf-8", "replace")


def post_picture(
    app: Any, path: str, picture: bytes, params: Mapping[str, str] | None = None
) -> Answer:
    """Send a picture to an app, as a form with the field `file`.

    Args:
        app: The ASGI app.
        path: Path of the endpoint.
        picture: Content of the picture file.
        params: Query parameters.
    """
    files = {"file": ("picture.png", picture, "image/png")}
    return request(app, f"POST {path}", files=files, params=params)


def request(app: Any, what: str, **sent: Any) -> Answer:
    """Send a request to an app.

    Args:
        app: The ASGI app.
        what: HTTP verb and path of the endpoint, such as `GET /health`.
        sent: Parameters and content, as for `httpx.request`.
    """
    # In a thread: the kernel's own event loop is running.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _send(app, what, sent)).result()


async def _send(app: Any, what: str, sent: Mapping[str, Any]) -> Answer:
    method, _, path = what.partition(" ")
    transport = httpx.ASGITransport(app)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://exercise") as client:
            answer = await asyncio.wait_for(client.request(method, path, **sent), _TIMEOUT_S)
    except TimeoutError:
        return Answer(error=TimeoutError(f"no answer within {_TIMEOUT_S:g} s"))
    except Exception as error:  # whatever a learner's endpoint raises
        return Answer(error=error)
    return Answer(answer.status_code, answer.content)
