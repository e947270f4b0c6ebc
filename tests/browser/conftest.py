import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, Playwright, expect, sync_playwright

TOKEN = "secret-of-the-test"
DEADLINE_MS = 90_000
# JupyterLab takes cells out of the page while they are not in view, and asks about news.
_SETTINGS = {
    "notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
    "apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false"},
}


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's command."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no Chromium here (Debian: apt-get install --no-install-recommends chromium)")
    return path


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What starts browsers; there is one for each process."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    switches = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    switches += ["--disable-background-networking", "--no-first-run"]
    browser = playwright.chromium.launch(executable_path=chromium, args=switches)
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A browser window; what its tabs show at the end is kept as a picture."""
    context = browser.new_context(viewport={"width": 1400, "height": 1100})
    context.set_default_timeout(DEADLINE_MS)
    expect.set_options(timeout=DEADLINE_MS)
    yield context.new_page()
    for number, tab in enumerate(context.pages):
        tab.screenshot(path=tmp_path / f"tab{number}.png")
    context.close()


@dataclass
class NotebookPage:
    """One notebook in JupyterLab, used as a learner uses it."""

    page: Page

    def cell(self, number: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def output(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-OutputArea")

    def menu(self, name: str, item: str) -> None:
        self.page.locator(f'.lm-MenuBar-itemLabel:text-is("{name}")').click()
        self.page.locator(f'.lm-Menu-itemLabel:text-is("{item}")').click()

    def select(self, number: int) -> None:
        self.cell(number).locator(".jp-InputPrompt").click()

    def run(self, number: int) -> Locator:
        """Run a cell that has no number yet to its end, and return its output; no cell may fail."""
        self.select(number)
        self.page.keyboard.press("Control+Enter")
        numbered = self.cell(number).locator(".jp-InputPrompt").get_by_text(re.compile(r"\d"))
        errors = self.page.locator(".jp-OutputArea-output", has_text="Traceback (most recent call")
        numbered.or_(errors).first.wait_for()
        assert errors.all_inner_texts() == []
        return self.output(number)

    def run_all_above(self, number: int) -> None:
        self.select(number)
        self.menu("Run", "Run All Above Selected Cell")

    def interrupt(self) -> None:
        self.page.locator('[data-jp-item-name="interrupt"]').click()

    def open_proxied_docs(self) -> Page:
        """Follow the link to the server that leads through this Jupyter's own address."""
        with self.page.expect_popup() as popup:
            self.page.locator('.jp-OutputArea a[href^="/user/ada/proxy/"]').first.click()
        return popup.value

    def wait_until_idle(self) -> None:
        self.page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()


@dataclass
class Lab:
    """A running JupyterLab."""

    url: str
    folder: Path

    def open(self, page: Page, notebook: str) -> NotebookPage:
        page.goto(f"{self.url}lab/tree/{notebook}?reset&token={TOKEN}")
        page.locator("#jupyterlab-splash").wait_for(state="detached")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        opened = NotebookPage(page)
        opened.wait_until_idle()
        return opened


@pytest.fixture(scope="module")
def start_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Lab]]:
    """Starts JupyterLab on a folder, at a base URL such as a hub gives."""
    running = []

    def start(folder: Path) -> Lab:
        state = tmp_path_factory.mktemp("jupyter")
        settings = state / "settings/@jupyterlab"
        for extension, choice in _SETTINGS.items():
            (settings / extension).parent.mkdir(parents=True)
            (settings / extension).write_text(json.dumps(choice))
        environment = os.environ | {
            "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
            "JUPYTER_CONFIG_DIR": str(state / "config"),
            "JUPYTER_DATA_DIR": str(state / "data"),
            "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
            "JUPYTER_TOKEN": TOKEN,
        }
        environment.pop("JUPYTERHUB_SERVICE_PREFIX", None)
        command = [sys.executable, "-m", "jupyterlab", "--port=0", "--no-browser", "--allow-root"]
        command += [f"--ServerApp.root_dir={folder}", "--ServerApp.base_url=/user/ada/"]
        command += ["--LabApp.extension_manager=readonly"]  # the other one asks the internet
        with (state / "log").open("w") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        running.append(process)
        return Lab(_wait_until_up(state, process), folder)

    yield start
    for process in running:
        process.terminate()
        process.wait(30)


def _wait_until_up(state: Path, process: subprocess.Popen[bytes], deadline_s: float = 60) -> str:
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline and process.poll() is None:
        try:
            info = json.loads((state / "runtime" / f"jpserver-{process.pid}.json").read_text())
            url = f"http://127.0.0.1:{info['port']}/user/ada/"
            requests.get(f"{url}api", timeout=10).raise_for_status()
        except (OSError, ValueError):  # not written, half written, not answering yet
            time.sleep(0.05)
        else:
            return url
    pytest.fail("JupyterLab did not start: " + (state / "log").read_text()[-2000:])
