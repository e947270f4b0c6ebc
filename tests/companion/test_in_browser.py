"""The whole path in Chromium: the real app, the real server, a person's clicks."""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright

from detectlab.kernel import ServerHandle

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENCE_MS = 60_000
Run = Callable[..., ServerHandle]
Make = Callable[..., bytes]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("needs Chromium")
    with sync_playwright() as playwright:
        options = [
            "--no-sandbox",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
        ]
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def api_port() -> int:
    """Where the companion expects its server."""
    return free_port()


@pytest.fixture(scope="module")
def app_url(
    companion: Path, api_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The companion, run as `make app` runs it."""
    port, log_file = free_port(), tmp_path_factory.mktemp("companion") / "log"
    command = [sys.executable, "-m", "streamlit", "run", companion / "app.py"]
    variables = {
        "DETECTLAB_SERVER": f"http://127.0.0.1:{api_port}",
        "STREAMLIT_SERVER_PORT": str(port),
    }
    with (
        log_file.open("w") as log,
        subprocess.Popen(
            command, env={**os.environ, **variables}, stdout=log, stderr=log
        ) as process,
    ):
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log_file)
            yield f"http://127.0.0.1:{port}"
            assert "Traceback" not in log_file.read_text()
        finally:
            process.terminate()


def wait_for(url: str, process: Any, log_file: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert process.poll() is None, log_file.read_text()
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(url, timeout=5).ok:
                return
        time.sleep(0.1)
    raise AssertionError(f"the companion was not there in 60 s: {log_file.read_text()}")


@pytest.fixture
def open_page(browser: Browser, app_url: str) -> Iterator[Callable[..., Page]]:
    """Opens the page in a browser of its own; it must not fail or ask anybody else."""
    contexts, wrong = [], []

    def note(page: Page) -> None:
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: is_foreign(request.url) and wrong.append(request.url))

    def is_foreign(url: str) -> bool:
        return not url.startswith((app_url, app_url.replace("http", "ws"), "data:", "blob:"))

    def open(width: int = 1280, dark: bool = False) -> Page:
        scheme: Any = "dark" if dark else "light"
        size: Any = {"width": width, "height": 900}
        contexts.append(browser.new_context(viewport=size, color_scheme=scheme))
        contexts[-1].set_default_timeout(PATIENCE_MS)
        page = contexts[-1].new_page()
        note(page)
        page.goto(app_url)
        page.get_by_text("What is in the picture?").wait_for()
        return page

    expect.set_options(timeout=PATIENCE_MS)
    yield open
    for context in contexts:
        context.close()
    assert wrong == []


def upload(page: Page, name: str, data: bytes) -> None:
    file: Any = {"name": name, "mimeType": "image/jpeg", "buffer": data}
    page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(file)
    page.get_by_role("heading", name=name).wait_for()


def pictures(page: Page) -> Any:
    return page.locator("[data-testid=stImage] img")


def slide_to_the_left(page: Page) -> None:
    thumb = page.get_by_role("slider")
    thumb.focus()
    thumb.press("Home")


def counts(page: Page) -> list[int]:
    """How many objects are said to be in each picture."""
    texts = page.get_by_text(re.compile(r"· \d+ objects? ·")).all_inner_texts()
    return [int(re.search(r"· (\d+) obj", text)[1]) for text in texts]  # type: ignore[index]


def download(page: Page, button: str) -> str:
    # While the page is built anew, its files are replaced.
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    return Path(download.value.path()).read_text("utf-8")


def test_person_gets_from_a_picture_to_boxes_and_a_comparison(
    open_page: Any, run_api: Run, api_port: int, make_picture: Make
) -> None:
    run_api(api_port)
    page = open_page()
    page.get_by_text("is alive at").wait_for()

    upload(page, "mine.jpg", make_picture())
    expect(pictures(page)).to_have_count(1)
    before = counts(page)
    slide_to_the_left(page)
    expect(page.get_by_text(f"· {before[0]} object")).to_have_count(0)
    assert counts(page)[0] > before[0]

    page.get_by_role("button", name="large").click()
    expect(pictures(page)).to_have_count(2)
    expect(page.locator("[data-testid=stVegaLiteChart]")).to_be_visible()

    rows = list(csv.DictReader(io.StringIO(download(page, "CSV"))))
    results = json.loads(download(page, "JSON"))
    assert [len(result["detections"]) for result in results] == counts(page)
    assert len(rows) == sum(counts(page))
    assert {row["detector"] for row in rows} == {"small", "large"}


def test_page_goes_on_by_itself_when_the_server_was_away(
    open_page: Any, run_api: Run, api_port: int, make_picture: Make
) -> None:
    handle = run_api(api_port)
    page = open_page()
    page.get_by_text("is alive at").wait_for()
    upload(page, "first.jpg", make_picture(seed=1))
    expect(pictures(page)).to_have_count(1)

    handle.stop()
    page.get_by_text("There is no server to ask").wait_for()
    expect(pictures(page)).to_have_count(1)  # what it answered stays
    upload(page, "second.jpg", make_picture(seed=2))
    page.get_by_role("button", name="Try again").wait_for()
    expect(page.get_by_text("Nothing answers at").first).to_be_visible()

    run_api(api_port)
    page.get_by_text("is alive at").wait_for()
    expect(pictures(page)).to_have_count(2)
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)


def test_pasted_picture_is_answered(
    open_page: Any, run_api: Run, api_port: int, make_picture: Make
) -> None:
    run_api(api_port)
    page = open_page()
    page.get_by_text("is alive at").wait_for()
    page.get_by_role("slider").wait_for()

    page.evaluate(
        """(numbers) => {
            const files = new DataTransfer();
            const picture = new Blob([new Uint8Array(numbers)], { type: "image/png" });
            files.items.add(new File([picture], "pasted.png", { type: "image/png" }));
            const event = new ClipboardEvent("paste", { clipboardData: files, bubbles: true });
            document.body.dispatchEvent(event);
        }""",
        list(make_picture("PNG")),
    )

    page.get_by_role("heading", name="pasted.png").wait_for()
    expect(pictures(page)).to_have_count(1)


def test_camera_takes_a_picture(open_page: Any, run_api: Run, api_port: int) -> None:
    run_api(api_port)
    page = open_page()
    page.get_by_text("is alive at").wait_for()

    page.get_by_text("Use the camera").click()
    # Its button is there before its picture is, and then takes nothing.
    page.wait_for_function("document.querySelector('video')?.videoWidth > 0")
    page.get_by_role("button", name="Take Photo").click()

    page.get_by_role("heading", name="camera.jpg").wait_for()
    expect(page.get_by_text(re.compile(r"· \d+ objects? ·"))).to_have_count(1)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_phone_shows_everything_in_its_width(
    open_page: Any, run_api: Run, api_port: int, dark: bool
) -> None:
    run_api(api_port)
    page = open_page(width=390, dark=dark)
    page.get_by_text("is alive at").wait_for()
    page.get_by_role("button", name="Server").click()
    page.get_by_text("Test mode").click()
    page.keyboard.press("Escape")
    page.get_by_text("No server is asked").wait_for()
    page.get_by_role("button", name="apple", exact=True).click()
    page.get_by_role("button", name="test-large").click()
    expect(pictures(page)).to_have_count(2)
    page.wait_for_function(
        "[...document.querySelectorAll('[data-testid=stImage] img')].every((i) => i.naturalWidth)"
    )

    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]
    for number in range(2):
        box = pictures(page).nth(number).bounding_box()
        assert 300 < box["width"] <= 390
    ground = page.evaluate(
        "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    )
    light = sum(map(int, re.findall(r"\d+", ground)[:3])) / 3
    assert (light < 64) if dark else (light > 192)
