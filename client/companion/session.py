"""The state of one visitor's session between reruns of the page."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import streamlit as st

from asking import Answer, Offer, Problem, RealServer, Server
from fitting import fit
from pictures import NotAPicture, Picture, View, view
from pretending import PretendServer

LOOK_EVERY_S = 5.0


@dataclass(frozen=True)
class Surroundings:
    """What the environment says.

    Attributes:
        server: Address of the server that is asked unless a visitor names another.
        api_key: Its key; sent to that address and to no other.
        is_locked: Whether visitors are kept from naming another: they could else make this machine
            ask addresses that only it can reach.
        timeout_s: Seconds to wait for an answer; a little more than the server allows itself.
        samples: Folder of sample pictures.
        labels: Folder of pictures to label, for operators; `None` without any.
    """

    server: str
    api_key: str
    is_locked: bool
    timeout_s: float
    samples: Path
    labels: Path | None = None

    @classmethod
    def read(cls, variables: Mapping[str, str] = os.environ) -> "Surroundings":
        """Read `DETECTLAB_SERVER`, `_API_KEY`, `_SERVER_LOCKED`, `_TIMEOUT_S`, `_SAMPLES`, ..."""
        ours = Path(__file__).resolve().parents[2] / "images"
        return cls(
            server=variables.get("DETECTLAB_SERVER") or "http://127.0.0.1:8000",
            api_key=variables.get("DETECTLAB_API_KEY", ""),
            is_locked=variables.get("DETECTLAB_SERVER_LOCKED", "") not in ("", "0", "false"),
            timeout_s=float(variables.get("DETECTLAB_TIMEOUT_S") or 40),
            samples=Path(variables.get("DETECTLAB_SAMPLES") or ours),
            labels=Path(labels) if (labels := variables.get("DETECTLAB_LABELS")) else None,
        )

    @property
    def advice(self) -> str:
        """What to do when there is no server."""
        if self.is_locked:
            return "If that lasts, tell the operator of this page."
        return "Start one with `make serve`, or set its address under **Server**."

    def choose_server(self, address: str, api_key: str, is_test: bool) -> Server:
        """The server that a visitor means."""
        if is_test:
            return PretendServer()
        if self.is_locked or address.strip().rstrip("/") == self.server.rstrip("/"):
            return RealServer(self.server, api_key or self.api_key, self.timeout_s)
        return RealServer(address, api_key, self.timeout_s)


@dataclass(frozen=True)
class Visit:
    """What every page is given.

    Attributes:
        surroundings: What the environment says.
        server: The server that the visitor chose.
        offer: What it offers, or offered when it last answered; `None` before it ever did.
    """

    surroundings: Surroundings
    server: Server
    offer: Offer | None


@dataclass
class Session:
    """Answers, views and server states of one visitor."""

    answers: dict[tuple[str, str, str], Answer | Problem] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    fitted: dict[str, Picture] = field(default_factory=dict)
    seen: Offer | Problem | None = None
    seen_server: tuple[str, str] | None = None
    seen_at: float = 0.0

    @classmethod
    def current(cls) -> "Session":
        """The visitor's own."""
        session: Session = st.session_state.setdefault("session", cls())
        return session

    def look(self, server: Server, oldest_s: float = LOOK_EVERY_S) -> Offer | Problem:
        """What the server says about itself, asked again when that is older than `oldest_s`."""
        who = (server.address, server.api_key)
        is_old = who != self.seen_server or time.monotonic() - self.seen_at > oldest_s
        if self.seen is None or is_old:
            before, self.seen = self.seen, server.look()
            self.seen_server, self.seen_at = who, time.monotonic()
            if isinstance(self.seen, Offer):
                self.offers[server.address] = self.seen
            if before != self.seen:
                self.forget_problems()
        return self.seen

    def ask(self, server: Server, picture: Picture, model: str) -> Answer | Problem:
        """The detector's answer about a picture: asked once, then remembered."""
        key = (server.address, model, picture.digest)
        if key not in self.answers:
            answer = server.detect(picture.data, model)
            if isinstance(answer, Answer) and picture.factor != 1:
                answer = answer.scaled(picture.factor)
            self.answers[key] = answer
        return self.answers[key]

    def has_asked(self, server: Server, picture: Picture, model: str) -> bool:
        """Whether `ask` answers at once."""
        return (server.address, model, picture.digest) in self.answers

    def forget_problems(self) -> None:
        """Ask again where there is no answer yet."""
        self.answers = {k: known for k, known in self.answers.items() if isinstance(known, Answer)}

    def fit_all(self, pictures: list[Picture]) -> list[Picture]:
        """The pictures as the server takes them; each is made to fit once."""
        known = self.fitted
        self.fitted = {it.digest: known.get(it.digest) or fit(it) for it in pictures}
        fitted = [self.fitted[it.digest] for it in pictures]
        return [
            replace(it, name=chosen.name, truth=chosen.truth)
            for it, chosen in zip(fitted, pictures, strict=True)
        ]

    def view(self, picture: Picture) -> View:
        """The picture for the screen; raises `NotAPicture`."""
        if picture.digest not in self.views:
            shown = view(picture.data)
            width, height = (round(side * picture.factor) for side in shown.size_wh)
            self.views[picture.digest] = View(shown.image, (width, height))
        return self.views[picture.digest]

    def size_wh(self, picture: Picture) -> tuple[int, int]:
        """Width and height of the chosen picture in pixels; (1, 1) when it cannot be shown."""
        try:
            return self.view(picture).size_wh
        except NotAPicture:
            return 1, 1

    def keep_views(self, pictures: list[Picture]) -> None:
        """Drop the views of pictures that are no longer chosen."""
        digests = {picture.digest for picture in pictures}
        self.views = {digest: shown for digest, shown in self.views.items() if digest in digests}
