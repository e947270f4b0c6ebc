"""The live camera in Chromium: a fake camera that films a car which moves to and fro."""

import io
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from PIL import Image
from playwright.sync_api import Page, Playwright, expect
from testing import wait_until

from detectlab.kernel import ServerHandle, start
from detectlab.serving.app import create_app
from detectlab.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TWO_OR_MORE = re.compile(r"[2-9]|\d\d+")
SIZES = [(1280, 720), (390, 844), (1680, 1050)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerHandle]:
    home = tmp_path_factory.mktemp("home")
    with start(create_app(settings=Settings(home=home, model="nano", workers=2))) as handle:
        yield handle


@pytest.fixture(scope="module")
def film(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, in which the car crosses the middle twice."""
    car = Image.open(root / "images" / "car2.jpg").convert("RGB").resize((320, 240))
    file = tmp_path_factory.mktemp("film") / "car.mjpeg"
    with file.open("wb") as written:
        for number in range(60):
            whole = Image.new("RGB", (640, 480), (170, 170, 160))
            whole.paste(car, (round(160 + 150 * math.sin(math.tau * number / 60)), 120))
            frame = io.BytesIO()
            whole.save(frame, "JPEG")
            written.write(frame.getvalue())
    return file


@pytest.fixture(scope="module")
def page(film: Path, playwright: Playwright, chromium: str) -> Iterator[Page]:
    options = [
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]
    browser = playwright.chromium.launch(executable_path=chromium, args=options)
    page = browser.new_page()
    page.set_default_timeout(60_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.extend([line.text] * (line.type == "error")))
    yield page
    browser.close()
    assert wrong == []


def number(page: Page, name: str) -> float:
    return float(page.locator(f"#{name}").inner_text())


def test_moving_car_is_followed_counted_and_the_stream_ends_with_the_page(
    page: Page, server: ServerHandle
) -> None:
    page.goto(f"{server.url}/live")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#crossings")).to_have_text(TWO_OR_MORE, timeout=60_000)

    assert number(page, "rate") > 0
    assert number(page, "delay") > 0
    assert "car" in page.locator("#classes").inner_text()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        shown = page.evaluate(
            """() => ["boxes", "start", "rate"].every((id) => {
                const box = document.getElementById(id).getBoundingClientRect();
                return box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight;
            })"""
        )
        assert shown, (width, height)

    page.goto("about:blank")
    wait_until(
        lambda: "detectlab_streams 0.0" in requests.get(f"{server.url}/metrics", timeout=30).text
    )


def test_browser_without_a_camera_gets_a_sentence(page: Page, server: ServerHandle) -> None:
    page.goto(f"{server.url}/live")
    page.evaluate(
        """() => {
            const none = new DOMException("", "NotFoundError");
            navigator.mediaDevices.getUserMedia = () => Promise.reject(none);
        }"""
    )
    page.get_by_role("button", name="Start").click()

    page.get_by_text("This machine has no camera.").wait_for()
