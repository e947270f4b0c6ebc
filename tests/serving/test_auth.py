"""The API key, and pages of other origins."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from detectlab.detection.detector import NetworkDetector
from detectlab.settings import Settings

KEY = "correct horse battery staple"
ORIGIN = {"Origin": "https://lab.example"}


@pytest.fixture
def locked(make_client: Callable[..., TestClient], tiny: NetworkDetector) -> TestClient:
    return make_client(tiny, api_key=KEY)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": KEY[:-1]},
        {"X-API-Key": KEY + "x"},
        {b"X-API-Key": "schlüssel".encode()},
    ],
    ids=["none", "empty", "short", "long", "not-ascii"],
)
@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/count-apples/", "/models"])
def test_without_the_right_key_nothing_is_told(
    locked: TestClient, path: str, headers: dict[str, str]
) -> None:
    method = "GET" if path == "/models" else "POST"

    answer = locked.request(method, path, headers=headers)

    assert answer.status_code == 401
    assert "the header `X-API-Key`" in answer.json()["detail"]
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize("path", ["/models/tiny", "/metrics"])
def test_what_the_server_does_is_told_only_with_the_key(locked: TestClient, path: str) -> None:
    assert locked.get(path).status_code == 401
    assert locked.get(path, headers={"X-API-Key": KEY}).status_code == 200


def test_with_the_key_a_picture_is_answered(locked: TestClient, jpeg: bytes) -> None:
    answer = locked.post("/predict", files={"file": jpeg}, headers={"X-API-Key": KEY})

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/docs", "/openapi.json", "/version"])
def test_who_asks_whether_it_lives_needs_no_key(locked: TestClient, path: str) -> None:
    assert locked.get(path).status_code == 200


def test_a_wrong_key_is_refused_before_the_body_is_read(locked: TestClient) -> None:
    answer = locked.post("/predict", content=b"\0" * 50_000_000)

    assert answer.status_code == 401  # and not 413


def test_the_document_tells_of_the_key_only_when_there_is_one(
    locked: TestClient, client: TestClient
) -> None:
    with_key, without = (c.get("/openapi.json").json() for c in (locked, client))

    assert with_key["paths"]["/predict"]["post"]["security"] == [{"APIKeyHeader": []}]
    assert "401" in with_key["paths"]["/predict"]["post"]["responses"]
    assert "security" not in without["paths"]["/predict"]["post"]
    assert "401" not in without["paths"]["/predict"]["post"]["responses"]


def test_pages_of_other_origins_may_not_ask_by_default(client: TestClient) -> None:
    assert "access-control-allow-origin" not in client.get("/health", headers=ORIGIN).headers


def test_pages_of_a_named_origin_may_ask_and_read_the_headers(
    make_client: Callable[..., TestClient], tiny: NetworkDetector
) -> None:
    client = make_client(tiny, cors_origins=("https://lab.example",))

    named = client.get("/health", headers=ORIGIN).headers
    other = client.get("/health", headers={"Origin": "https://evil.example"}).headers
    asked_first = client.options(
        "/predict", headers={**ORIGIN, "Access-Control-Request-Method": "POST"}
    )

    assert named["access-control-allow-origin"] == "https://lab.example"
    assert "X-Detections" in named["access-control-expose-headers"]
    assert "access-control-allow-origin" not in other
    assert asked_first.status_code == 200


def test_a_key_that_can_be_guessed_is_refused_when_it_is_set() -> None:
    with pytest.raises(ValueError, match="must have at least 16 characters"):
        Settings(api_key="a")


def test_wrong_keys_are_answered_more_and_more_slowly(
    locked: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    for number in range(12):
        headers = {"X-API-Key": f"a wrong key of many: {number}"}
        assert locked.get("/models", headers=headers).status_code == 401

    assert len(waits) == 12 - 5  # the first ones are free: people mistype
    assert waits[0] == pytest.approx(0.1)
    assert waits[-1] >= 5
    assert locked.get("/models", headers={"X-API-Key": KEY}).status_code == 200
    waits.clear()
    assert locked.get("/models", headers={"X-API-Key": KEY}).status_code == 200
    assert waits == []  # forgiven
