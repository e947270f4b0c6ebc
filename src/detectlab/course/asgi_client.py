"""Requests to a learner's ASGI app in this process: no port, and its errors stay available."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

_BOUNDARY = "detectlab-exercise"
_TIMEOUT_S = 60.0

Message = MutableMapping[str, Any]
ASGIApp = Callable[
    [dict[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


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
    app: ASGIApp, path: str, picture: bytes, params: Mapping[str, str] | None = None
) -> Answer:
    """Send a picture to an app, as a form with the field `file`.

    Args:
        app: The ASGI app.
        path: Path of the endpoint.
        picture: Content of the picture file.
        params: Query parameters.
    """
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="picture.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    body = head.encode() + picture + f"\r\n--{_BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={_BOUNDARY}"
    return request(app, f"POST {path}", body=body, content_type=kind, params=params)


def request(
    app: ASGIApp,
    what: str,
    *,
    body: bytes = b"",
    content_type: str = "application/json",
    params: Mapping[str, str] | None = None,
) -> Answer:
    """Send a request to an app.

    Args:
        app: The ASGI app.
        what: HTTP verb and path of the endpoint, such as `GET /health`.
        body: Content of the request.
        content_type: What the content is.
        params: Query parameters.
    """
    method, _, path = what.partition(" ")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "server": ("exercise", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": urlencode(params or {}).encode(),
        "headers": [
            (b"host", b"exercise"),
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
        ],
    }
    # In a thread: the kernel's own event loop is running.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _send(app, scope, body)).result()


async def _send(app: ASGIApp, scope: dict[str, Any], body: bytes) -> Answer:
    answer = Answer()
    unsent = [body]

    async def receive() -> Message:
        if not unsent:
            await asyncio.Event().wait()  # the client stays connected
        return {"type": "http.request", "body": unsent.pop(), "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
        else:
            answer.body += message.get("body", b"")

    try:
        await asyncio.wait_for(app(scope, receive, send), _TIMEOUT_S)
    except TimeoutError:
        answer.error = TimeoutError(f"no answer within {_TIMEOUT_S:g} s")
    except Exception as error:  # whatever a learner's endpoint raises
        answer.error = error
    return answer
