"""The button that freezes a baseline: the page with its form, and what the form sends."""

import re
from collections.abc import Callable

import httpx2
import pytest
import testing
from starlette.testclient import TestClient

from detectlab.serving.sign_in import COOKIE, issue

TOKEN = "the operators' token of these tests"
PAGE = {"Accept": "text/html", "X-Operator-Token": ""}  # as a browser asks
Make = Callable[..., TestClient]


def freeze(client: TestClient, secret: str = TOKEN, **headers: str) -> httpx2.Response:
    return client.post(
        "/monitoring/freeze",
        params={"model": "fake"},
        data={"secret": secret, "pictures": "120"},
        headers={**PAGE, **headers},
        follow_redirects=False,
    )


def baseline(client: TestClient) -> object:
    (watch,) = client.get("/monitoring").json()["watches"]
    return watch["baseline"] and watch["baseline"]["pictures"]


def test_button_of_the_page_leads_to_a_form_that_freezes_a_baseline(
    make_client: Make, fake: testing.FakeDetector, send: Callable[..., None]
) -> None:
    client = make_client(fake)
    send(client, 130)
    link = re.search(r'href="(\S+)">Freeze baseline<', client.get("/monitoring", headers=PAGE).text)
    assert link is not None

    form = client.get(link[1], headers=PAGE)
    answer = freeze(client)

    assert "<h1>Freeze a baseline of fake</h1>" in form.text
    assert "form-action 'self'" in form.headers["content-security-policy"]
    assert re.search(r'<form method="post" action="freeze\?model=fake">', form.text)
    assert (answer.status_code, answer.headers["location"]) == (303, "../monitoring")
    assert baseline(client) == 120


@pytest.mark.parametrize("key", [None, "the key of this test's server"])
def test_form_without_the_secret_changes_nothing_also_in_a_browser_that_signed_in(
    make_client: Make,
    fake: testing.FakeDetector,
    send: Callable[..., None],
    key: str | None,
) -> None:
    client = make_client(fake, api_key=key)
    client.headers["X-API-Key"] = key or ""
    send(client, 110)
    cookie = f"{COOKIE}={issue(key or TOKEN)}"

    refused = freeze(client, "guessed", Cookie=cookie)

    assert refused.status_code == (401 if key else 403)
    what = "the server's key" if key else "the operators' token"
    assert f"This is not {what.replace(chr(39), '&#39;')}." in refused.text
    assert baseline(client) is None
    assert freeze(client, key or TOKEN).status_code == 303
    assert baseline(client) == 110


def test_form_of_a_foreign_page_is_refused(
    make_client: Make, fake: testing.FakeDetector, send: Callable[..., None]
) -> None:
    client = make_client(fake)
    send(client, 110)

    refused = freeze(client, Origin="http://evil.example")

    assert refused.status_code == 403
    assert "Pages of 'http://evil.example' may not ask." in refused.json()["detail"]
    assert baseline(client) is None


def test_form_says_why_there_is_no_baseline(
    make_client: Make, fake: testing.FakeDetector, send: Callable[..., None]
) -> None:
    client = make_client(fake)
    send(client, 3)

    refused = freeze(client)

    assert refused.status_code == 409
    assert "There are 3 of fake" in refused.text
    assert "<form" in refused.text


def test_form_for_an_unknown_detector_is_refused(
    make_client: Make, fake: testing.FakeDetector
) -> None:
    refused = make_client(fake).get("/monitoring/freeze", params={"model": "other"}, headers=PAGE)

    assert refused.status_code == 422
    assert refused.json()["detail"] == "`model` must be one of fake. Received: 'other'"
