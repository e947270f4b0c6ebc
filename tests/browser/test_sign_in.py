"""An operator in Chromium: from the link of `detectlab serve`, or by the form, to the report."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What `detectlab serve` prints to a terminal."""
    pty = pytest.importorskip("pty", reason="Windows has no such terminals")
    home = str(tmp_path_factory.mktemp("home"))
    env = {name: text for name, text in os.environ.items() if not name.startswith("DETECTLAB_")}
    env |= {"DETECTLAB_HOME": home, "DETECTLAB_MODEL": "nano", "PYTHONUNBUFFERED": "1"}
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "detectlab", "serve", "--port", "0"]
    with subprocess.Popen(command, env=env, stdout=its, stderr=its) as process:
        os.close(its)
        with os.fdopen(ours, "r", errors="replace") as printed:
            text = ""
            while "in a browser" not in text:
                text += printed.readline()
            reading = threading.Thread(target=_drain, args=(printed,), daemon=True)
            reading.start()
            yield text
            process.terminate()
            reading.join(30)


def _drain(printed: Iterator[str]) -> None:
    try:
        for _ in printed:
            pass
    except OSError:  # how Linux says that the other side is closed
        pass


def test_link_of_the_terminal_leads_to_the_report(terminal: str, page: Page) -> None:
    link = re.search(r"http://\S+/sign-in\S+#\S+", terminal)
    assert link is not None, terminal
    address, _, token = link[0].partition("#")
    sent: list[str] = []
    page.on("request", lambda request: sent.extend((request.url, str(request.headers))))

    page.goto(link[0])
    page.wait_for_url(re.compile(r"/rollout/report\.html$"))

    expect(page.get_by_role("heading", name="Rollout: nano answers")).to_be_visible()
    assert address in sent
    assert not [it for it in sent if token in it]  # only the form's body has it
    page.get_by_role("link", name="Monitoring").click()
    expect(page.get_by_role("heading", name="Monitoring", exact=True)).to_be_visible()


def test_form_takes_the_token_of_the_file(terminal: str, page: Page) -> None:
    url, file = re.findall(r"http://[\d.:]+", terminal)[0], re.findall(r"/\S+-token", terminal)[0]
    page.goto(url)
    page.get_by_role("navigation").get_by_role("link", name="Rollout").click()

    page.get_by_label("The operators' token").fill("guessed")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("This is not the operators' token.")
    page.get_by_label("The operators' token").fill(Path(file).read_text("utf-8"))
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="Rollout: nano answers")).to_be_visible()
