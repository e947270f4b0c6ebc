"""Checks for the exercises about a page that asks a service."""

import base64
import binascii
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from detectlab.course.verdicts import NotYet, describe, exercise_check, shown

_HANGS_S = 5.0
_FOUND = [
    {"x_min": 1, "y_min": 2, "x_max": 9, "y_max": 8, "class_name": "pear", "confidence": 0.75},
]
_REFUSAL = "No model 'huge'. There are small, large."
_ERRORS = ("Internal Server Error", {"detail": "internal error"})  # as servers say it
_PICTURE = b"\xff\xd8 some bytes of a picture"


class _Service(BaseHTTPRequestHandler):
    """A service with two models that keeps the questions it gets; or one that is broken."""

    questions: list[Any]
    broken: object = None  # what it answers with status 500, if it is

    def do_GET(self) -> None:
        known = {"/models": ["small", "large"], "/health": "OK"}
        if self.broken:
            self._send(500, self.broken)
        elif self.path in known:
            self._send(200, known[self.path])
        else:
            self._send(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            question = json.loads(body)
        except ValueError:
            question = body
        self.questions.append((self.path, question))
        if self.broken:
            self._send(500, self.broken)
        elif isinstance(question, dict) and question.get("model") == "huge":
            self._send(400, {"detail": _REFUSAL})
        else:
            self._send(200, {"detections": _FOUND, "time": 0.01, "model": "small"})

    def _send(self, status: int, content: object) -> None:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: this is a notebook's output."""


@contextmanager
def _service(broken: object = None) -> Iterator[tuple[str, list[Any]]]:
    """A real server: its address, and the questions that it got."""
    handler: Any = type("Handler", (_Service,), {"questions": [], "broken": broken})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler.questions
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def _dead() -> str:
    """An address where no program listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@exercise_check
def check_look(look: Callable[[str], object]) -> str:
    """Check a function that gives a service's models, and `None` where no service answers."""
    with _service() as (address, _):
        models = _call(look, address, "a service that is alive")
    if models is None:
        raise NotYet("the service has small and large. Yours gives None: is there a `return`?")
    if not isinstance(models, list | tuple) or list(models) != ["small", "large"]:
        raise NotYet(f"the service has small and large. Yours gives {shown(models)}")
    for address, what in (
        (_dead(), "an address where nothing listens"),
        ("nonsense", "an address that is nonsense"),
    ):
        if (answer := _call(look, address, what)) is not None:
            raise NotYet(f"for {what}, it should give None. Yours gives {shown(answer)}")
    for body in _ERRORS:
        with _service(broken=body) as (address, _):
            if (answer := _call(look, address, "a service that answers 500")) is not None:
                hint = f"a service that answers 500 is not alive. Yours gives {shown(answer)}"
                raise NotYet(hint)
    with _silent() as address:
        if _call(look, address, "a service that never answers") is not None:
            raise NotYet("a service that never answers is not alive: give None")
    return "Alive, dead, broken and hanging: the page can tell them apart"


@exercise_check
def check_ask(ask: Callable[[str, str, bytes, float], object]) -> str:
    """Check a function that asks a service about a picture, or says in a sentence why not."""
    with _service() as (address, questions):
        found = _call(ask, address, "a right question", "small", _PICTURE, 0.35)
        _check_question(questions)
        if not isinstance(found, list | tuple) or list(found) != _FOUND:
            raise NotYet(f"return the list under `detections`. Yours is {shown(found)}")
        refusal = _problem(ask, address, "an unknown model", "huge")
        if _REFUSAL not in refusal:
            raise NotYet(
                "the service says why it refuses, under `detail`. Put that into the error. Yours "
                f"says {shown(refusal)}"
            )
    with _service(broken=_ERRORS[0]) as (address, _):
        _problem(ask, address, "a service that answers 500 with a text")
    _problem(ask, _dead(), "an address where nothing listens")
    return "What the service found, or one sentence about why not"


def _check_question(questions: list[Any]) -> None:
    """What arrived at the service is a question with all of its parts."""
    if not questions:
        raise NotYet("nothing arrived at the service. Is it `requests.post`?")
    path, question = questions[-1]
    if path.partition("?")[0] != "/predict":
        raise NotYet(f"the question went to {path}. The endpoint is /predict")
    if not isinstance(question, dict):
        raise NotYet("send JSON: `requests.post(..., json=question)`")
    if missing := [name for name in ("model", "image", "confidence") if name not in question]:
        raise NotYet(f"the question lacks {', '.join(missing)}")
    if question["model"] != "small":
        raise NotYet(f"the model that the visitor chose is small, not {shown(question['model'])}")
    if question["confidence"] != 0.35:
        raise NotYet(f"the visitor's confidence is 0.35, not {shown(question['confidence'])}")
    try:
        data = base64.b64decode(str(question["image"]), validate=True)
    except binascii.Error:
        data = b""
    if data != _PICTURE:
        raise NotYet("`image` should be the picture as base64, a text: b64encode(...).decode()")


def _problem(ask: Callable[..., object], address: str, what: str, model: str = "small") -> str:
    """The sentence of the RuntimeError that a question should end in."""
    done: list[object] = []
    try:
        _within_time(lambda: done.append(ask(address, model, _PICTURE, 0.35)), what)
    except RuntimeError as problem:
        if not str(problem).strip():
            raise NotYet(f"{what}: the RuntimeError needs a sentence for the visitor") from None
        return str(problem)
    except NotYet:
        raise
    except (Exception, SystemExit) as error:
        raise NotYet(
            f"{what} should end in a RuntimeError with a sentence. Yours raised {_described(error)}"
        ) from None
    raise NotYet(f"{what} should end in a RuntimeError. Yours gives {shown(done[0])}")


def _call(function: Callable[..., object], address: str, what: str, *more: object) -> object:
    if not callable(function):
        raise NotYet(f"pass the function itself, without calling it. Yours is {shown(function)}")
    done: list[object] = []
    try:
        _within_time(lambda: done.append(function(address, *more)), what)
    except NotYet:
        raise
    except (Exception, SystemExit) as error:
        raise NotYet(f"with {what}, your function raised {_described(error)}") from None
    return done[0]


def _described(error: BaseException) -> str:
    """The error; without its text where a connection failed, since that is long and has a port."""
    text = describe(error)
    return text.replace(f": {error}", "") if isinstance(error, OSError) else text


def _within_time(call: Callable[[], object], what: str) -> None:
    """Call it in a thread, and go on when it hangs."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except (Exception, SystemExit) as error:  # whatever a first attempt raises
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_HANGS_S)
    if thread.is_alive():
        raise NotYet(
            f"{what}: your function waits longer than {_HANGS_S:g} s. Give `requests` a `timeout`"
        )
    if failed:
        raise failed[0]
