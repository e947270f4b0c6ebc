"""Asking a server about pictures; what comes back is an answer, or a problem in plain words."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from detectlab.client import (
    DetectClient,
    Detection,
    RequestFailed,
    RequestRefused,
    ServerBusy,
    ServerUnreachable,
)

# The server is asked once for everything above this; the slider then filters what has come. That
# gives what the server itself would give at that confidence: a box is only ever suppressed by a
# more confident one.
FLOOR = 0.05
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Answer:
    """What a detector found in a picture.

    Attributes:
        model: The detector.
        detections: Everything above `FLOOR`, most confident first.
        seconds: Inference time.
        total_s: Time of the whole request.
    """

    model: str
    detections: tuple[Detection, ...]
    seconds: float
    total_s: float

    def above(self, confidence: float) -> list[Detection]:
        """The detections with at least this confidence."""
        return [found for found in self.detections if found["confidence"] >= confidence]

    def scaled(self, factor: float) -> "Answer":
        """The answer in pixels of a picture that is `factor` times as large."""
        return replace(self, detections=tuple(_checked(it, factor) for it in self.detections))


@dataclass(frozen=True)
class Problem:
    """Why there is no answer, and what to do about it.

    Attributes:
        text: Some sentences for a person.
        may_pass: Whether a retry may help.
    """

    text: str
    may_pass: bool = True


@dataclass(frozen=True)
class Offer:
    """Title, version and detectors of a server.

    Attributes:
        title: Its title.
        version: Its version.
        models: The detectors that it has, its default first.
        missing: Detectors that it knows but has no files of, and their sizes in bytes (0: unknown).
        keeps_pictures: Whether it keeps the pictures that it receives.
    """

    title: str
    version: str
    models: tuple[str, ...]
    missing: Mapping[str, int] = field(default_factory=dict)
    keeps_pictures: bool = False


class Server(Protocol):
    """What answers requests: a server, or test mode.

    Attributes:
        address: Its address, which identifies it.
        api_key: Its key; empty without one.
    """

    address: str
    api_key: str

    def look(self) -> Offer | Problem:
        """Ask the server for its title, version and detectors."""

    def detect(self, data: bytes, model: str) -> Answer | Problem:
        """Find the objects in a picture."""


class RealServer:
    """A detectlab server, or one of the course family that takes JSON.

    Args:
        address: Its address; `http://` may be left out.
        api_key: Its key, where it wants one; empty otherwise.
        timeout_s: Seconds to wait for an answer.
    """

    def __init__(self, address: str, api_key: str = "", timeout_s: float = 40.0) -> None:
        self.address = address.strip() if "://" in address else f"http://{address.strip()}"
        self.api_key = api_key
        self._client = DetectClient(self.address, api_key=api_key, timeout_s=timeout_s)
        # The status must come fast, however long detections take.
        self._quick = DetectClient(self.address, api_key=api_key, timeout_s=min(3.0, timeout_s))

    def look(self) -> Offer | Problem:
        """Ask the server for its title, version and detectors."""
        try:
            about = self._quick.about()
            models = self._quick.models()
            known = self._quick.models(all=True)
            missing = {str(name): self._size(str(name)) for name in known if name not in models}
        except RequestFailed as error:
            return explain(error)
        return Offer(
            about["title"],
            about["version"],
            tuple(map(str, models)),
            missing,
            keeps_pictures="received pictures are kept" in about["description"],
        )

    def _size(self, model: str) -> int:
        """The size of a detector's files in bytes; 0 where the server does not say it."""
        size = self._quick.card(model).get("size_bytes")
        return size if isinstance(size, int) else 0

    def detect(self, data: bytes, model: str) -> Answer | Problem:
        """Find the objects in a picture; a busy server is asked again when it says so."""
        try:
            try:
                return self._ask(data, model)
            except ServerBusy as busy:
                if busy.retry_after_s is None or busy.retry_after_s > _PATIENCE_S:
                    raise
                time.sleep(busy.retry_after_s)
                return self._ask(data, model)
        except RequestFailed as error:
            return explain(error)

    def _ask(self, data: bytes, model: str) -> Answer:
        started = time.perf_counter()
        result = self._client.predict(data, model, FLOOR, as_json=True)
        total_s = time.perf_counter() - started
        try:
            found = sorted(
                map(_checked, result["detections"]), key=lambda item: -item["confidence"]
            )
            return Answer(str(result["model"]), tuple(found), float(result["time"]), total_s)
        except (KeyError, TypeError, ValueError):
            raise RequestFailed(
                f"The server at {self.address} answered in a form that is not known here. Check "
                "the address, and that server and companion have the same version."
            ) from None


def _checked(found: Detection, factor: float = 1.0) -> Detection:
    """A detection whose values have the types that they should have, with corners times `factor`.

    What a server sends may be anything.
    """
    return Detection(
        x_min=round(int(found["x_min"]) * factor),
        y_min=round(int(found["y_min"]) * factor),
        x_max=round(int(found["x_max"]) * factor),
        y_max=round(int(found["y_max"]) * factor),
        class_name=str(found["class_name"]),
        confidence=float(found["confidence"]),
    )


def explain(error: RequestFailed) -> Problem:
    """A failed request as a problem: what happened, and what to do about it."""
    if isinstance(error, ServerUnreachable) or error.status is None:
        return Problem(str(error))
    # "503 Service Unavailable: The server is busy." The sentence is for people.
    detail = str(error).partition(": ")[2]
    if error.status == 401:
        return Problem(f"{detail} It can be typed in behind the button Server.")
    if isinstance(error, ServerBusy):
        return Problem(detail)
    if isinstance(error, RequestRefused):
        return Problem(f"The server refused the picture ({error.status}): {detail}", False)
    return Problem(
        f"The server has an error of its own ({error.status}): {detail} Try again; if it stays, "
        "look into the server's log."
    )
