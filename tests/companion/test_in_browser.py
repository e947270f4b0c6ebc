"""The whole path in Chromium: the real app, the real server, a person's clicks."""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from testing import free_ports

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


@pytest.fixture(scope="module")
def api_port() -> int:
    """Where the companion expects its server."""
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def label_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures to label."""
    folder = tmp_path_factory.mktemp("to-label")
    (folder / "classes.txt").write_text("apple\norange\nclock\n")
    for number in range(3):
        Image.new("RGB", (400, 300), (60 * number, 90, 120)).save(folder / f"{number}.jpg")
    (folder / "0.txt").write_text("1 0.5 0.5 0.4 0.4\n")
    return folder


@pytest.fixture(scope="module")
def app_url(
    companion: Path, api_port: int, label_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The companion, run as `make app` runs it."""
    (port,), log_file = free_ports(1), tmp_path_factory.mktemp("companion") / "log"
    command = [sys.executable, "-m", "streamlit", "run", str(companion / "app.py")]
    variables = {
        "DETECTLAB_SERVER": f"http://127.0.0.1:{api_port}",
        "DETECTLAB_LABELS": str(label_folder),
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
        page.on("request", lambda request: wrong.extend(foreign_part(request.url)))

    def foreign_part(url: str) -> list[str]:
        own = (app_url, app_url.replace("http", "ws"), "data:", "blob:")
        return [] if url.startswith(own) else [url]

    def open(width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        scheme: Any = "dark" if dark else "light"
        size: Any = {"width": width, "height": height}
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
    result(page, name).wait_for()


def result(page: Page, name: str) -> Any:
    """The line above a picture among the results."""
    # The first: tables below name the picture, too.
    return page.locator(".st-key-results").get_by_text(name, exact=True).first


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


def download(page: Page, button: str) -> bytes:
    # While the page is built anew, its files are replaced.
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    if not page.get_by_role("button", name=button, exact=True).is_visible():
        page.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    return Path(download.value.path()).read_bytes()


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

    rows = list(csv.DictReader(io.StringIO(download(page, "CSV").decode())))
    results = json.loads(download(page, "JSON"))
    assert [len(result["detections"]) for result in results] == counts(page)
    assert len(rows) == sum(counts(page))
    assert {row["detector"] for row in rows} == {"small", "large"}
    with zipfile.ZipFile(io.BytesIO(download(page, "ZIP"))) as archive:
        assert archive.namelist() == ["mine-small.png", "mine-large.png"]


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
    page.get_by_text("Choose a picture").wait_for()

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

    result(page, "pasted.png").wait_for()
    expect(pictures(page)).to_have_count(1)


def test_camera_takes_a_picture(open_page: Any, run_api: Run, api_port: int) -> None:
    run_api(api_port)
    page = open_page()
    page.get_by_text("is alive at").wait_for()

    page.get_by_text("Use the camera").click()
    # Its button is there before its picture is, and then takes nothing.
    page.wait_for_function("document.querySelector('video')?.currentTime > 0.5")
    page.get_by_role("button", name="Take Photo").click()

    result(page, "camera.jpg").wait_for()
    expect(pictures(page)).to_have_count(1)


SIZES = {"projector": (1280, 720), "phone": (390, 844), "desktop": (1680, 1050)}


def box_of(place: Any) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of an element in the window."""
    box = place.bounding_box()
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


@pytest.mark.parametrize("size", SIZES)
def test_tapped_sample_and_the_slider_share_the_screen(
    open_page: Any, run_api: Run, api_port: int, size: str
) -> None:
    run_api(api_port)
    width, height = SIZES[size]
    page = open_page(width, height, dark=size == "phone")
    page.get_by_text("is alive at").wait_for()

    page.locator(".st-key-samples_row button", has_text="oranges").click()

    expect(pictures(page)).to_have_attribute("alt", re.compile("oranges.jpg with what small found"))
    page.wait_for_function("document.querySelector('[data-testid=stImage] img').naturalWidth")
    slider = page.get_by_role("slider")
    for place in (slider, pictures(page)):
        expect(place).to_be_in_viewport(ratio=1)
    left, top, right, _ = box_of(pictures(page))
    assert right - left > (300 if size == "phone" else 400)
    assert box_of(slider)[3] <= top
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]
    assert is_dark(page) == (size == "phone")

    before = counts(page)[0]
    left, top, right, bottom = box_of(slider)
    page.mouse.move((left + right) / 2, (top + bottom) / 2)
    page.mouse.down()
    page.mouse.move(left + 2, (top + bottom) / 2, steps=5)
    page.wait_for_function(  # the button of the mouse is still down
        "before => !document.body.innerText.includes(`· ${before} object`)", arg=before
    )
    page.mouse.up()
    assert counts(page)[0] > before


def is_dark(page: Page) -> bool:
    ground = page.evaluate(
        "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    )
    light = sum(map(int, re.findall(r"\d+", ground)[:3])) / 3
    assert not 64 < light < 192
    return bool(light < 128)


def test_dropped_folder_with_labels_becomes_a_gallery_with_the_truth(
    open_page: Any, run_api: Run, api_port: int, make_picture: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(make_picture(seed=number))
        (folder / f"{number}.txt").write_text("0 0.5 0.5 0.9 0.9\n")
    (folder / "classes.txt").write_text("apple\n")
    (folder / "huge.jpg").write_bytes(make_picture(size_wh=(9000, 6000)))
    run_api(api_port)
    page = open_page(*SIZES["desktop"])
    page.get_by_text("is alive at").wait_for()

    drop(page, folder)
    expect(pictures(page)).to_have_count(4)
    expect(page.get_by_text("It has 9000 × 6000 pixels: the server gets a JPEG")).to_be_visible()
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_text("The truth, as labelled").click()
    expect(page.get_by_text("of 1 labelled objects found")).to_have_count(3)
    page.keyboard.press("Escape")

    page.get_by_test_id("stMainMenu").click()
    page.get_by_role("menuitemradio", name="Dark").click()
    page.wait_for_function(
        "getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme == 'dark'"
    )
    assert is_dark(page)


def drop(page: Page, path: Path) -> None:
    """Drop a file or a folder on the field for pictures, as the system's file manager does."""
    left, top, right, bottom = box_of(page.locator("[data-testid=stFileUploaderDropzone]"))
    devtools = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        place = {"type": kind, "x": (left + right) / 2, "y": (top + bottom) / 2, "data": data}
        devtools.send("Input.dispatchDragEvent", place)


def test_live_camera_is_a_page_that_leads_to_the_server(
    open_page: Any, run_api: Run, api_port: int
) -> None:
    run_api(api_port)
    page = open_page()
    page.get_by_text("is alive at").wait_for()

    page.get_by_role("link", name="Live camera").click()

    link = page.get_by_role("link", name="Open the live camera")
    expect(link).to_have_attribute("href", f"http://127.0.0.1:{api_port}/live")


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from one place of the picture to another, both as shares of its sides."""
    area = page.locator(".labelling .boxes").bounding_box()
    assert area is not None
    (x, y), (u, v) = (
        (area["x"] + share_x * area["width"], area["y"] + share_y * area["height"])
        for share_x, share_y in (start, end)
    )
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move((x + u) / 2, (y + v) / 2)
    page.mouse.move(u, v)
    page.mouse.up()


def saved_boxes(file: Path) -> list[list[float]]:
    return [[float(field) for field in line.split()] for line in file.read_text().splitlines()]


def test_person_draws_moves_and_deletes_boxes_and_gets_label_files(
    open_page: Any, run_api: Run, api_port: int, label_folder: Path
) -> None:
    run_api(api_port)
    page = open_page()
    page.get_by_role("link", name="Label").click()
    page.get_by_text("1 of 3 pictures are labelled; this is 1.jpg").wait_for()
    page.locator(".labelling[data-picture='1.jpg']").wait_for()
    while page.locator(".labelling rect").count():  # what the detector saw in it
        page.locator(".labelling rect").last.click()  # the topmost
        page.keyboard.press("Delete")

    page.keyboard.press("3")
    drag(page, (0.1, 0.2), (0.5, 0.6))
    drag(page, (0.3, 0.4), (0.4, 0.4))  # inside the box: it moves
    drag(page, (0.7, 0.7), (0.9, 0.9))
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    page.get_by_text("2 of 3 pictures are labelled; this is 2.jpg").wait_for()

    (box,) = saved_boxes(label_folder / "1.txt")
    assert box == pytest.approx([2, 0.4, 0.4, 0.4, 0.4], abs=0.02)

    page.locator(".labelling[data-picture='2.jpg']").wait_for()
    page.get_by_role("button", name="Save and next").click()
    page.get_by_text("3 of 3 pictures are labelled; this is 0.jpg").wait_for()
    page.get_by_text("python -m training.finetune").wait_for()
    page.locator(".labelling[data-picture='0.jpg']").wait_for()
    (label_folder / "2.txt").write_text("7 0.5 0.5 0.2 0.2\n")
    page.get_by_role("button", name="Back").click()
    page.get_by_text("the class 7; classes.txt has 3 lines").wait_for()
    (label_folder / "2.txt").unlink()
