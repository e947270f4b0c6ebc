"""Browsers, which send no keys: a form and a cookie lead to the pages for operators."""

from collections.abc import Callable

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from detectlab.detection.detector import NetworkDetector
from detectlab.serving import attempts, sign_in
from detectlab.serving.sign_in import COOKIE, issue

KEY = "correct horse battery staple"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
REPORT = "/rollout/report.html"
MakeClient = Callable[..., TestClient]


@pytest.fixture
def make_browser(make_client: MakeClient, tiny: NetworkDetector) -> MakeClient:
    def make(**settings: str) -> TestClient:
        client = make_client(tiny, **settings)
        client.headers.clear()
        client.headers.update(BROWSER)
        return client

    return make


@pytest.fixture(params=["api_key", "operator_token"])
def client(request: pytest.FixtureRequest, make_browser: MakeClient) -> TestClient:
    """A browser of a server with a key, or without one but with an operators' token."""
    return make_browser(**{request.param: KEY})


@pytest.fixture
def keyless(make_browser: MakeClient) -> TestClient:
    return make_browser(operator_token=KEY)


def sign_in_with(client: TestClient, secret: str, page: str = "rollout/report.html") -> Response:
    form, address = {"secret": secret}, f"/sign-in?next={page}"
    return client.post(address, data=form, follow_redirects=False)


def test_browser_without_access_is_led_to_the_form_and_from_there_to_the_page(
    client: TestClient,
) -> None:
    form = client.get(REPORT)

    assert (form.status_code, form.url.path) == (200, "/sign-in")
    assert 'action="sign-in?next=rollout/report.html"' in form.text

    answer = sign_in_with(client, KEY)

    assert (answer.status_code, answer.headers["Location"]) == (303, "rollout/report.html")
    flags = answer.headers["Set-Cookie"].lower()
    assert all(flag in flags for flag in ("httponly", "samesite=strict", "path=/;", "max-age="))
    assert KEY not in flags
    page = client.get(REPORT)
    assert (page.url.path, page.status_code) == (REPORT, 200)
    assert "<h1>Rollout" in page.text
    assert client.get("/monitoring").url.path == "/monitoring"


def test_cookie_opens_what_is_read_and_nothing_that_changes(client: TestClient) -> None:
    sign_in_with(client, KEY)

    for method, path in (("POST", "/rollout/rollback"), ("PUT", "/rollout")):
        answer = client.request(method, path, json={}, headers={"Accept": "application/json"})
        assert answer.status_code in (401, 403), path
        assert "in the header" in answer.json()["detail"]


def test_wrong_secret_gives_the_form_again_with_a_sentence(client: TestClient) -> None:
    answer = sign_in_with(client, "guessed")

    assert answer.status_code in (401, 403)
    assert "This is not the " in answer.text
    assert "guessed" not in answer.text
    assert "Set-Cookie" not in answer.headers


def test_programs_are_refused_as_before(keyless: TestClient) -> None:
    answer = keyless.get(REPORT, headers={"Accept": "*/*"}, follow_redirects=False)

    assert answer.status_code in (401, 403)
    assert "in the header" in answer.json()["detail"]


def test_sign_out_ends_it(keyless: TestClient) -> None:
    sign_in_with(keyless, KEY)
    assert "This browser is signed in." in keyless.get("/sign-in").text

    keyless.post("/sign-out")

    assert keyless.get(REPORT).url.path == "/sign-in"


def test_cookie_that_was_not_issued_here_opens_nothing(keyless: TestClient) -> None:
    prolonged = "9" + issue(KEY)
    for cookie in ("", "99999999999.00", "x." + "0" * 64, issue("another secret"), prolonged):
        keyless.cookies.set(COOKIE, cookie)

        assert keyless.get(REPORT).url.path == "/sign-in", cookie


def test_cookie_ends_after_its_time(keyless: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "LASTS_S", -1)
    keyless.cookies.set(COOKIE, issue(KEY))

    assert keyless.get(REPORT).url.path == "/sign-in"


def test_form_leads_to_pages_of_this_server_only(keyless: TestClient) -> None:
    for page in ("//evil.example", "https:evil", "/\\evil.example", "..", "a//b", "javascript:x"):
        assert sign_in_with(keyless, KEY, page).headers["Location"] == "./", page


def test_guessing_is_slowed_down_as_with_keys(
    keyless: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_MAX_WAITING", 0)

    statuses = [sign_in_with(keyless, "guessed").status_code for _ in range(6)]

    assert statuses == [403] * 5 + [429]


def test_foreign_pages_cannot_use_the_form(keyless: TestClient) -> None:
    keyless.headers["Origin"] = "https://evil.example"

    answer = sign_in_with(keyless, KEY)

    assert answer.status_code == 403
    assert "may not ask" in answer.json()["detail"]
    assert "Set-Cookie" not in answer.headers


def test_behind_a_prefix_the_cookie_is_for_the_prefix(keyless: TestClient) -> None:
    keyless.headers["X-Forwarded-Prefix"] = "/user/ada/proxy/8000"

    refused = keyless.get(REPORT, follow_redirects=False)
    answer = sign_in_with(keyless, KEY)

    assert refused.headers["Location"] == "../sign-in?next=rollout/report.html"
    assert "Path=/user/ada/proxy/8000/;" in answer.headers["Set-Cookie"]
