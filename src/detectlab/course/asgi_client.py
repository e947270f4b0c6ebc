"""Requests to a learner's ASGI app in this process: no port, and its errors stay available."""

import asyncio
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from detectlab.course.verdicts import NotYet, describe, shown

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


def successful(answer: Answer, path: str) -> Answer:
    """Give an answer back if its status is 200.

    Args:
        answer: What an app answered.
        path: Path of the endpoint, for the sentence of the error.

    Raises:
        NotYet: The app raised an error or refused; the sentence says what to change.
    """
    if answer.error is not None:
        text = f"your endpoint raised {describe(answer.error)}"
        if isinstance(answer.error, TypeError) and "'str'" in str(answer.error):
            text += " Without a type hint, a parameter arrives as text"
        raise NotYet(_unsendable(answer.error) or text)
    if answer.status == 404 and answer.json() == {"detail": "Not Found"}:
        raise NotYet(f"nothing answers at {path}: write the path in the decorator as it is here")
    if answer.status == 405:
        raise NotYet(f"{path} has another verb: use `.post(...)`, since the picture is in the body")
    if answer.status == 422:
        raise NotYet(f"{path} refuses the request (422){_refused(answer.json())}")
    if answer.status != 200:
        raise NotYet(f"{path} answers with status {answer.status}: {shown(answer.json())}")
    return answer


def _unsendable(error: Exception) -> str:
    """What to do about a result that FastAPI cannot turn into JSON or text."""
    if number := re.search(r"'numpy\.(\w+)' object is not iterable", str(error)):
        kind = "float" if "float" in number[1] else "bool" if "bool" in number[1] else "int"
        return f"JSON has no numbers of NumPy ({number[1]}): return a plain one, with `{kind}(...)`"
    if "__dict__" in str(error) or isinstance(error, UnicodeDecodeError):
        return (
            "FastAPI cannot turn into JSON what you return. A picture goes into a "
            "`Response(encode_image(...))`; numbers, texts, lists and dictionaries as they are"
        )
    return ""


def _refused(content: Any) -> str:
    """Which parameter FastAPI refused, and why."""
    details = content.get("detail") if isinstance(content, dict) else None
    if not isinstance(details, list):
        return f": {shown(content)}"
    first = details[0]
    name, kind = first["loc"][-1], first["type"]
    if name == "confidence" and kind == "missing":
        return " because of confidence: it needs a default, for clients that send none"
    if name == "confidence":
        return f" because of confidence. {first['msg']}. Received: {first.get('input')!r}"
    names = ", ".join(str(one["loc"][-1]) for one in details)
    return (
        f" because of {names}. The picture comes in `file`; `confidence` and `model` in the address"
    )
