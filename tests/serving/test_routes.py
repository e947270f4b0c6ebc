"""The registry of routes: a route from outside the package needs one entry and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from detectlab.detection.detector import NetworkDetector
from detectlab.serving.errors import Refusal
from detectlab.serving.routes.registry import ROUTES, RouteGroup
from detectlab.serving.service import Service

KEY = "correct horse battery staple"


class TooEarly(RuntimeError):
    """An exception of the toy route's own."""


def add_toy_routes(router: APIRouter, service: Service) -> None:
    """Add `/toy`, which names the default detector, and `/toy/early`, which fails."""

    @router.get("/toy")
    async def toy() -> str:
        return service.pool.default

    @router.get("/toy/early")
    async def early() -> str:
        raise TooEarly("Ask again tomorrow.")


@pytest.fixture
def toy_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals: dict[type[Exception], Any] = {TooEarly: lambda error: Refusal(425, str(error))}
    monkeypatch.setitem(ROUTES, "toy", RouteGroup("service", add_toy_routes, refusals=refusals))


@pytest.mark.usefixtures("toy_entry")
def test_a_route_from_outside_answers_and_is_documented(
    make_client: Callable[..., TestClient], tiny: NetworkDetector
) -> None:
    client = make_client(tiny)

    assert client.get("/toy").json() == "tiny"
    assert "/toy" in client.get("/openapi.json").json()["paths"]


@pytest.mark.usefixtures("toy_entry")
def test_a_route_from_outside_refuses_with_its_own_exceptions(
    make_client: Callable[..., TestClient], tiny: NetworkDetector
) -> None:
    answer = make_client(tiny).get("/toy/early")

    assert (answer.status_code, answer.json()) == (425, {"detail": "Ask again tomorrow."})


@pytest.mark.usefixtures("toy_entry")
def test_a_route_from_outside_asks_for_the_key(
    make_client: Callable[..., TestClient], tiny: NetworkDetector
) -> None:
    client = make_client(tiny, api_key=KEY)

    assert client.get("/toy").status_code == 401
    assert client.get("/toy", headers={"X-API-Key": KEY}).status_code == 200
