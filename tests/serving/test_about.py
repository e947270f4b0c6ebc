"""The routes that tell about the service, its detectors, and its documentation."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, Request
from starlette.testclient import TestClient

import detectlab
from detectlab.detection.detector import NetworkDetector
from detectlab.serving.app import create_app
from detectlab.serving.detector_cache import Unavailable
from detectlab.serving.routes.registry import ROUTES, RouteGroup
from detectlab.serving.service import Service
from detectlab.settings import Settings

POOL_KINDS = ("threads", "cluster")

PREFIX = {"X-Forwarded-Prefix": "/user/ada/proxy/8000/"}


def test_the_first_address_congratulates(client: TestClient) -> None:
    answer = client.get("/")

    assert answer.json().startswith("Congratulations! Your API is working as expected.")
    assert "/docs" in answer.json()


@pytest.mark.parametrize(
    ("path", "answer"),
    [("/health", "HEALTH OK"), ("/ready", "READY"), ("/version", detectlab.__version__)],
)
def test_short_questions_get_a_string(client: TestClient, path: str, answer: str) -> None:
    assert client.get(path).json() == answer


def test_describe_names_the_default_detector(client: TestClient) -> None:
    assert "The default detector is tiny." in client.get("/describe").json()


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        pytest.param("text/html,application/xhtml+xml,*/*;q=0.8", True, id="browser"),
        pytest.param("*/*", False, id="curl"),
        pytest.param("application/json", False, id="json"),
        pytest.param("application/json, text/html", False, id="both"),
        pytest.param("", False, id="none"),
    ],
)
def test_the_first_address_is_a_page_for_browsers_alone(
    client: TestClient, accept: str, is_page: bool
) -> None:
    answer = client.get("/", headers={"Accept": accept})

    assert answer.headers["Content-Type"].startswith("text/html") == is_page
    assert "Congratulations! Your API is working as expected." in answer.text
    links = re.findall(r'href="([\w/.]+)"', answer.text)
    assert len(set(links)) == (6 if is_page else 0)
    for link in links:
        # The rollout is for operators, which this client is not.
        assert client.get(f"/{link}").status_code == (403 if "rollout" in link else 200)


def test_description_says_whether_received_pictures_are_kept(
    make_client: Callable[..., TestClient], tiny: NetworkDetector, tmp_path: Path
) -> None:
    for folder, sentence in (
        (None, "Received pictures are not kept."),
        (tmp_path, "The newest 200 received pictures are kept on this server, without their"),
    ):
        client = make_client(tiny, received_dir=folder)

        assert sentence in client.get("/describe").json()
        assert sentence in client.get("/openapi.json").json()["info"]["description"]


def test_models_lists_names_with_the_default_first(
    make_client: Callable[..., TestClient], tiny: NetworkDetector
) -> None:
    other = NetworkDetector("another", tiny.names, tiny._engine)

    assert make_client(tiny, other).get("/models").json() == ["tiny", "another"]


def test_models_without_their_files_are_listed_only_when_all_are_wanted(tmp_path: Any) -> None:
    client = TestClient(create_app(settings=Settings(home=tmp_path, model="nano")))

    assert "yolov4" not in client.get("/models").json()
    assert "yolov4" in client.get("/models?all=true").json()


def test_the_card_of_a_detector_tells_what_it_is_and_whether_it_is_loaded(
    client: TestClient, tiny: NetworkDetector, jpeg: bytes
) -> None:
    client.post("/predict", files={"file": jpeg})

    card = client.get("/models/tiny").json()

    assert card["name"] == "tiny"
    assert card["classes"] == list(tiny.names)
    assert (card["loaded"], card["available"]) == (True, True)
    assert card["licence"] == "Apache-2.0"


def test_the_card_of_an_unknown_detector_returns_404_naming_the_known(client: TestClient) -> None:
    answer = client.get("/models/yolov9")

    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no detector 'yolov9'. There are: tiny."


@pytest.mark.one_machine
def test_ready_is_503_until_the_default_detector_is_loaded(
    make_client: Callable[..., TestClient], tiny: NetworkDetector
) -> None:
    here = False

    def load(name: str) -> NetworkDetector:
        if not here:
            raise Unavailable(f"The weights of `{name}` are not on this server.")
        return tiny

    client = make_client(tiny, load=load, load_retry_s=0)
    before = client.get("/ready")
    here = True

    assert before.status_code == 503
    assert "not on this server" in before.json()["detail"]
    assert client.get("/ready").status_code == 200


def test_docs_need_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert len(addresses) == 8
    for address in addresses:
        assert not address.startswith(("/", "http"))  # relative: right behind any prefix
        assert client.get(f"/{address}").status_code in (200, 403)
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


def test_docs_with_a_slash_lead_to_the_page(client: TestClient) -> None:
    answer = client.get("/docs/", follow_redirects=False)

    assert answer.headers["location"] == "../docs"


def test_the_document_names_a_server_relative_to_itself(client: TestClient) -> None:
    document = client.get("/openapi.json").json()

    assert document["servers"] == [{"url": "."}]


def test_every_answer_in_the_document_is_described(client: TestClient) -> None:
    document = client.get("/openapi.json").json()

    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path
            assert operation["description"], path
            for answer in operation["responses"].values():
                assert answer["description"] != "Validation Error", path


def add_where_route(router: APIRouter, service: Service) -> None:
    """Add `/where`, which tells the prefix and the path that it was given."""

    @router.get("/where")
    async def where(request: Request) -> list[str]:
        return [request.scope["root_path"], request.scope["path"]]


@pytest.fixture
def where_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROUTES, "where", RouteGroup("service", add_where_route))


@pytest.mark.usefixtures("where_entry")
def test_a_prefix_from_this_machine_is_honoured(
    make_client: Callable[..., TestClient], tiny: NetworkDetector
) -> None:
    client = make_client(tiny)

    prefix = "/user/ada/proxy/8000"
    assert client.get("/where", headers=PREFIX).json() == [prefix, f"{prefix}/where"]
    assert client.get("/docs", headers=PREFIX).status_code == 200


@pytest.mark.usefixtures("where_entry")
@pytest.mark.parametrize(
    "prefix", ["//evil.example", "user", "/a b", "/a?b", "/" + "a" * 3000, "/<script>", "/ä"]
)
def test_a_prefix_that_is_none_is_passed_over(
    make_client: Callable[..., TestClient], tiny: NetworkDetector, prefix: str
) -> None:
    headers = {b"X-Forwarded-Prefix": prefix.encode()}

    answer = make_client(tiny).get("/where", headers=headers)

    assert answer.json() == ["", "/where"]


@pytest.mark.usefixtures("where_entry")
def test_a_prefix_from_elsewhere_is_passed_over(
    make_client: Callable[..., TestClient], tiny: NetworkDetector
) -> None:
    client = make_client(tiny, address="192.0.2.7")

    assert client.get("/where", headers=PREFIX).json() == ["", "/where"]


@pytest.mark.parametrize("path", ["/models/", "/predict/"])
def test_an_address_with_a_slash_too_many_is_no_redirect(client: TestClient, path: str) -> None:
    answer = client.get(path, follow_redirects=False)

    assert answer.status_code == 404
    assert "/docs shows what there is" in answer.json()["detail"]
