"""The proxy's file for the containers, run by a real nginx before the real server and companion."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect, sync_playwright
from testing import free_ports

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx (Debian: nginx-light)"),
    pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl for a certificate"),
]
KEY = "a key of the test"
PATIENCE_MS = 60_000


@contextlib.contextmanager
def run(
    command: list[Any], is_there: Callable[[], bool], log_file: Path, **variables: str
) -> Iterator[None]:
    """Runs a program from when it is there until the block ends."""
    with (
        log_file.open("w") as log,
        subprocess.Popen(
            command, env={**os.environ, **variables}, stdout=log, stderr=log
        ) as process,
    ):
        try:
            until = time.monotonic() + 60
            while not is_there():
                assert process.poll() is None, log_file.read_text()
                assert time.monotonic() < until, f"not there in 60 s: {log_file.read_text()}"
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


def answers(url: str, **options: Any) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, timeout=5, **options).status_code < 500
    return False


def write_settings(root: Path, folder: Path, values: dict[str, str]) -> None:
    """What the nginx image does with the template."""
    text = (root / "deploy" / "proxy" / "detectlab.conf.template").read_text("utf-8")
    for name, value in values.items():
        assert f"${{{name}}}" in text
        text = text.replace(f"${{{name}}}", value)
    assert "${" not in text
    (folder / "detectlab.conf").write_text(text)


@pytest.fixture(scope="module")
def front(
    root: Path,
    tmp_path_factory: pytest.TempPathFactory,
    make_front: Callable[..., Any],
    write_nginx_main: Callable[[Path], Path],
) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("front")
    api, companion, plain, secure = free_ports(4)
    subprocess.run(
        [root / "deploy" / "proxy" / "make_certificates.sh", folder, "127.0.0.1", "open sesame"],
        check=True,
        capture_output=True,
    )
    write_settings(
        root,
        folder,
        {
            "API": f"127.0.0.1:{api}",
            "COMPANION": f"127.0.0.1:{companion}",
            "HTTP_PORT": f"127.0.0.1:{plain}",
            "HTTPS_PORT": f"127.0.0.1:{secure}",
            "PUBLIC_HTTPS": f":{secure}",
            "CERTIFICATES": str(folder),
        },
    )
    front = make_front(secure, plain, folder / "server.crt")
    page = root / "client" / "companion" / "app.py"
    with (
        run(
            [sys.executable, "-m", "detectlab", "serve", "--port", str(api)],
            lambda: answers(f"http://127.0.0.1:{api}/ready"),
            folder / "api.log",
            DETECTLAB_API_KEY=KEY,
            DETECTLAB_MODEL="nano",
            DETECTLAB_HOME=str(folder / "home"),
        ),
        run(
            [sys.executable, "-m", "streamlit", "run", page, "--server.port", str(companion)],
            lambda: answers(f"http://127.0.0.1:{companion}/_stcore/health"),
            folder / "page.log",
            DETECTLAB_API_KEY=KEY,
            DETECTLAB_SERVER=f"http://127.0.0.1:{api}",
            DETECTLAB_SERVER_LOCKED="1",
        ),
        run(
            ["nginx", "-e", folder / "error.log", "-c", write_nginx_main(folder)],
            lambda: answers(front.url + "/serve/health", verify=str(front.certificate)),
            folder / "nginx.log",
        ),
    ):
        yield front


def test_greeting_and_documentation_are_at_the_prefix(front: Any) -> None:
    assert front.ask("GET", "/serve/").json().startswith("Congratulations!")
    assert "swagger-ui" in front.ask("GET", "/serve/docs").text
    assert front.ask("GET", "/serve").headers["Location"].endswith("/serve/")


def test_picture_is_answered_at_the_prefix(front: Any, root: Path) -> None:
    picture = (root / "images" / "apple.jpg").read_bytes()

    answer = front.ask(
        "POST", "/serve/predict?model=nano", files={"file": picture}, headers={"X-API-Key": KEY}
    )

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    # A few bytes: nginx may miss a refusal that comes, and closes, before it has sent a whole body.
    assert front.ask("POST", "/serve/predict", files={"file": b"few"}).status_code == 401


def test_plain_http_leads_to_tls(front: Any) -> None:
    answer = requests.get(front.plain_url + "/serve/docs?a=b", timeout=60, allow_redirects=False)

    assert answer.status_code == 308
    assert answer.headers["Location"] == front.url + "/serve/docs?a=b"


def test_counters_are_not_for_the_world(front: Any) -> None:
    assert front.ask("GET", "/serve/metrics", headers={"X-API-Key": KEY}).status_code == 404


def test_body_over_the_limit_is_refused_in_the_form_of_the_api(front: Any) -> None:
    answer = front.ask("POST", "/serve/predict", data=b"x" * (43 << 20))

    assert answer.status_code == 413
    assert "too large: send fewer or smaller pictures" in answer.json()["detail"]


def test_errors_of_the_api_pass_unchanged(front: Any) -> None:
    answer = front.ask(
        "POST", "/serve/predict", files={"file": b"%PDF-1.7"}, headers={"X-API-Key": KEY}
    )

    assert answer.status_code == 415
    assert "This is a PDF document" in answer.json()["detail"]


def test_too_many_requests_are_told_when_to_come_back(front: Any) -> None:
    with requests.Session() as session:
        seen = [
            session.get(front.url + "/serve/health", timeout=60, verify=str(front.certificate))
            for _ in range(200)
        ]

    refused = [answer for answer in seen if answer.status_code == 429]
    assert refused
    assert refused[0].headers["Retry-After"] == "1"
    assert "Too many requests" in refused[0].json()["detail"]


@pytest.fixture
def open_page(front: Any) -> Iterator[Callable[..., Page]]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])

        def open(address: str, **options: Any) -> Page:
            context = browser.new_context(ignore_https_errors=True, **options)
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            page.goto(front.url + address)
            return page

        expect.set_options(timeout=PATIENCE_MS)
        yield open
        browser.close()


@pytest.mark.browser
def test_documentation_at_the_prefix_can_be_tried_out(open_page: Any, root: Path) -> None:
    page = open_page("/serve/docs")
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("auth-key-value").or_(page.locator(".auth-container input")).first.fill(KEY)
    page.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").first.click()

    block = page.locator("#operations-detect-predict_predict_post")
    block.locator(".opblock-summary-control").click()
    block.locator("input[type=file]").first.set_input_files(root / "images" / "apple.jpg")
    block.get_by_role("button", name="Execute").click()

    expect(block.locator(".request-url")).to_contain_text("/serve/predict?")
    expect(block.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(block.locator(".live-responses-table img")).to_be_visible()


@pytest.mark.browser
def test_companion_wants_a_password_and_then_works(open_page: Any, front: Any) -> None:
    assert front.ask("GET", "/").status_code == 401

    who: Any = {"username": "detectlab", "password": "open sesame"}
    page = open_page("/", http_credentials=who)
    page.get_by_text("is alive at").wait_for()
    page.locator(".st-key-samples_row button", has_text="apple").first.click()

    page.locator(".st-key-results").get_by_text("apple.jpg", exact=True).first.wait_for()
    expect(page.get_by_text(re.compile(r"· \d+ objects? ·"))).to_have_count(1)
