"""Client of the API: `DetectClient("http://127.0.0.1:8000")`."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar, cast

import requests

T = TypeVar("T")
PictureFile = str | Path | bytes  # its path, or its bytes


class Detection(TypedDict):
    """One object: corners in whole pixels of the picture, confidence in `[0, 1]`."""

    x_min: int
    y_min: int
    x_max: int
    y_max: int
    class_name: str
    confidence: float


class Result(TypedDict):
    """The answer to one picture: its objects, the detector's seconds, the detector's name."""

    detections: list[Detection]
    time: float
    model: str


class About(TypedDict):
    """What a service says about itself."""

    title: str
    version: str
    description: str


class RequestFailed(RuntimeError):
    """A request without a result.

    Attributes:
        status: The HTTP status code, or `None` where no answer came at all.
    """

    status: int | None = None


class ServerUnreachable(RequestFailed):
    """No answer: no server listens at the address, or it took too long."""


class RequestRefused(RequestFailed):
    """The server refused the request (4xx): change it before you send it again."""


class ServerBusy(RequestFailed):
    """The server could not answer now (503, 504): the same request may succeed later.

    Attributes:
        retry_after_s: Seconds to wait first, where the server says so.
    """

    retry_after_s: float | None = None


class DetectClient:
    """Client of a detectlab server; errors of the server become exceptions.

    Args:
        url: Address of the server, with its prefix where it has one.
        api_key: API key, sent as `X-API-Key`.
        timeout_s: Timeout of the connection and between bytes of an answer, in seconds.

    Every method raises `ServerUnreachable`, `RequestRefused` or `ServerBusy`, or their parent
    `RequestFailed` for other errors of the server; each message says what to do.
    """

    def __init__(self, url: str, *, api_key: str | None = None, timeout_s: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._headers = {"X-API-Key": api_key} if api_key else {}

    def is_alive(self) -> bool:
        """Whether the server answers."""
        try:
            self._send("GET", "/health")
        except RequestFailed:
            return False
        return True

    def about(self) -> About:
        """What the service says about itself; every FastAPI app gives it."""
        info = self._read("GET", "/openapi.json", dict).get("info", {})
        title, version, text = (
            str(info.get(name, "")) for name in ("title", "version", "description")
        )
        return About(title=title, version=version, description=text)

    def models(self, *, all: bool = False) -> list[str]:
        """Names of the detectors that the server offers, its default first.

        Args:
            all: Whether to include detectors whose files the server does not have.
        """
        return self._read("GET", "/models", list, params={"all": "true"} if all else {})

    def classes(self, model: str) -> list[str]:
        """Class names of a detector; the index is the class id."""
        return list(self.card(model).get("classes", []))

    def card(self, model: str) -> dict[str, Any]:
        """What the server says of a detector: its size, licence, classes and whether it is here."""
        return self._read("GET", f"/models/{model}", dict)

    def version(self) -> str:
        """The server's version."""
        return self._read("GET", "/version", str)

    def predict(
        self,
        picture: PictureFile,
        model: str | None = None,
        confidence: float | None = None,
        *,
        as_json: bool = False,
    ) -> Result:
        """Find the objects in a picture.

        Args:
            picture: Path of a picture file, or its bytes.
            model: Name of the detector; by default the server's.
            confidence: Confidence threshold, in `[0, 1]`; by default the server's (0.5).
            as_json: Whether to send the picture as base64 in JSON: a third larger than a form, but
                some servers accept nothing else.

        Returns:
            The objects, most confident first.
        """
        if as_json:
            image = base64.b64encode(_read_picture(picture)).decode()
            question = _given(model=model, confidence=confidence, image=image)
            return cast("Result", self._read("POST", "/predict", dict, json=question))
        answer = self._post(picture, model, confidence, "application/json")
        return cast("Result", self._decode(answer, dict))

    def draw(
        self, picture: PictureFile, model: str | None = None, confidence: float | None = None
    ) -> bytes:
        """The picture with a box around each object, as a JPEG or PNG file.

        Args:
            picture: Path of a picture file, or its bytes.
            model: Name of the detector; by default the server's.
            confidence: Confidence threshold, in `[0, 1]`; by default the server's (0.5).
        """
        return self._post(picture, model, confidence, "image/*").content

    def _post(
        self, picture: PictureFile, model: str | None, confidence: float | None, accept: str
    ) -> requests.Response:
        return self._send(
            "POST",
            "/predict",
            params=_given(model=model, confidence=confidence),
            files={"file": ("picture", _read_picture(picture))},
            headers={"Accept": accept},
        )

    def _read(self, method: str, path: str, kind: type[T], **request: Any) -> T:
        """Send a request whose answer is JSON of the type `kind`."""
        return self._decode(self._send(method, path, **request), kind)

    def _decode(self, answer: requests.Response, kind: type[T]) -> T:
        try:
            content = answer.json()
        except ValueError:
            content = None
        if not isinstance(content, kind):
            raise RequestFailed(
                f"Something answers at {self.url}, but not a detectlab server. Check the address."
            )
        return content

    def _send(
        self, method: str, path: str, headers: dict[str, str] | None = None, **request: Any
    ) -> requests.Response:
        url = self.url + path
        try:
            answer = requests.request(
                method,
                url,
                headers={**self._headers, **(headers or {})},
                timeout=self._timeout_s,
                **request,
            )
        except requests.ConnectionError:
            raise ServerUnreachable(
                f"Nothing answers at {self.url}. Is the server running, and is this its address?"
            ) from None
        except requests.Timeout:
            raise ServerUnreachable(
                f"{self.url} did not answer within {self._timeout_s:g} s. Try again, or give "
                "`timeout_s` a larger value."
            ) from None
        except (requests.RequestException, ValueError):
            raise RequestFailed(
                f"`url` must be a server's address, such as http://127.0.0.1:8000. "
                f"Received: {self.url}"
            ) from None
        if not answer.ok:
            raise _failure(answer)
        return answer


def _read_picture(picture: PictureFile) -> bytes:
    return picture if isinstance(picture, bytes) else Path(picture).read_bytes()


def _given(**parameters: Any) -> dict[str, Any]:
    """The parameters that have a value; the server has defaults for the others."""
    return {name: value for name, value in parameters.items() if value is not None}


def _failure(answer: requests.Response) -> RequestFailed:
    kind: type[RequestFailed] = RequestFailed
    if answer.status_code in (503, 504):
        kind = ServerBusy
    elif answer.status_code < 500:
        kind = RequestRefused
    failure = kind(f"{answer.status_code} {answer.reason}: {_detail(answer)}")
    failure.status = answer.status_code
    if isinstance(failure, ServerBusy):
        seconds = answer.headers.get("Retry-After", "")
        failure.retry_after_s = float(seconds) if seconds.isdecimal() else None
    return failure


def _detail(answer: requests.Response) -> str:
    """The server's message; for bad parameters FastAPI sends a list of them."""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return "the answer does not come from a detectlab server. Check the address."
    if isinstance(detail, Sequence) and not isinstance(detail, str):
        return "; ".join(str(item.get("msg", item)) for item in detail)
    return str(detail)
