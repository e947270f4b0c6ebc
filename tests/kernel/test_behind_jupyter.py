"""Kernels of a real Jupyter server at /user/ada/, reached through jupyter-server-proxy."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from jupyter_client.blocking import BlockingKernelClient

from detectlab.kernel.forwarded_prefix import ForwardedPrefix

pytestmark = pytest.mark.slow

AUTHORIZED = {"Authorization": "token secret-of-the-test"}


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """The server's address, and the folder in which it keeps its connection files."""
    folder = tmp_path_factory.mktemp("jupyter")
    environment = os.environ | {
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_TOKEN": AUTHORIZED["Authorization"].split()[1],
    }
    environment.pop("JUPYTERHUB_SERVICE_PREFIX", None)
    command = [sys.executable, "-m", "jupyter_server", "--port=0", "--no-browser", "--allow-root"]
    command += ["--ServerApp.base_url=/user/ada/", f"--ServerApp.root_dir={folder}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield _wait_until_up(folder / "runtime", process), folder / "runtime"
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_up(runtime, process, deadline_s=60):
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline and process.poll() is None:
        try:
            info = json.loads((runtime / f"jpserver-{process.pid}.json").read_text())
            url = f"http://127.0.0.1:{info['port']}/user/ada/"
            requests.get(f"{url}api", headers=AUTHORIZED, timeout=10).raise_for_status()
        except (OSError, ValueError):  # not written, half written, not answering yet
            time.sleep(0.05)
        else:
            return url
    pytest.fail("Jupyter did not start: " + (runtime.parent / "log").read_text()[-2000:])


@pytest.fixture(scope="module")
def notebook(jupyter, open_notebook):
    """A notebook whose kernel was started by that Jupyter."""
    url, runtime = jupyter
    kernel = requests.post(f"{url}api/kernels", headers=AUTHORIZED, timeout=60).json()["id"]
    client = BlockingKernelClient(connection_file=str(runtime / f"kernel-{kernel}.json"))
    client.load_connection_file()
    interrupt = f"{url}api/kernels/{kernel}/interrupt"
    with open_notebook(
        client, lambda: requests.post(interrupt, headers=AUTHORIZED, timeout=30)
    ) as notebook:
        yield notebook
    requests.delete(f"{url}api/kernels/{kernel}", headers=AUTHORIZED, timeout=30)


PLAIN_APP = """
from fastapi import Request, UploadFile

app = FastAPI()

@app.get("/")
def home():
    return "hello"

@app.get("/address")
def address(request: Request):
    return str(request.url_for("home"))

@app.get("/folder/")
def folder():
    return "in the folder"

@app.post("/size")
def size(file: UploadFile):
    return len(file.file.read())
"""

APPS = {"learner's": PLAIN_APP, "package's": "from detectlab import create_app; app = create_app()"}


@pytest.fixture(scope="module", params=APPS)
def site(request, jupyter, notebook):
    """Where the Jupyter shows an app that its kernel serves; and the app's own address."""
    notebook.value(APPS[request.param])
    direct = notebook.value("server = start(app); print(server.url)")
    path = notebook.value("print(server.proxied_path)")
    yield urljoin(jupyter[0], path), direct
    notebook.value("server.stop()")


@pytest.fixture(scope="module")
def plain_site(jupyter, notebook):
    notebook.value(APPS["learner's"])
    path = notebook.value("plain = start(app); print(plain.proxied_path)")
    yield urljoin(jupyter[0], path)
    notebook.value("plain.stop()")


def get(url, **options):
    return requests.get(url, headers=AUTHORIZED | options.pop("headers", {}), timeout=30, **options)


def test_proxied_path_is_below_the_base_url_of_the_jupyter(site):
    proxied, direct = site
    assert urlsplit(proxied).path == f"/user/ada/proxy/{urlsplit(direct).port}/"


def test_home_answers_the_same_through_the_proxy_and_directly(site):
    proxied, direct = site
    assert get(proxied).json() == get(direct).json()


@pytest.mark.parametrize("by", ["proxied", "direct"])
def test_docs_lead_to_a_schema_whose_server_answers(site, by):
    """As Swagger UI resolves them: the schema against the page, the server against the schema."""
    base = site[0] if by == "proxied" else f"{site[1]}/"
    page = get(f"{base}docs")
    scripts = re.findall(r'src="([^"]+)"', page.text)
    own = [get(urljoin(page.url, script)) for script in scripts if "//" not in script]
    where = re.search(r"""url: *['"]([^'"]+)""", page.text + own[-1].text if own else page.text)
    assert where

    schema = get(urljoin(page.url, where[1]))
    server = schema.json().get("servers", [{"url": "/"}])[0]["url"]
    home = urljoin(schema.url, server)

    assert all(script.ok for script in own)
    assert home.rstrip("/") == base.rstrip("/")


def test_url_for_names_the_address_that_the_browser_knows(plain_site):
    address = get(f"{plain_site}address").json()
    assert urlsplit(address).path == urlsplit(plain_site).path
    assert get(address.replace("localhost", "127.0.0.1")).json() == "hello"


def test_redirect_to_the_slash_stays_behind_the_proxy(plain_site):
    answer = get(f"{plain_site}folder")
    assert answer.json() == "in the folder"
    assert answer.history[0].status_code == 307


def test_upload_through_the_proxy_arrives_whole(plain_site):
    data = os.urandom(3_000_000)
    answer = requests.post(
        f"{plain_site}size", files={"file": data}, headers=AUTHORIZED, timeout=60
    )
    assert answer.json() == len(data)


def test_hub_in_front_of_the_jupyter_does_not_break_the_prefix(plain_site):
    """Its proxy adds the browser's address, behind which uvicorn hides who really called."""
    through_hub = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}

    address = get(f"{plain_site}address", headers=through_hub).json()

    assert urlsplit(address).scheme == "https"
    assert urlsplit(address).path == urlsplit(plain_site).path


def test_proxied_path_on_a_hub_is_below_the_prefix_of_the_hub(notebook, port):
    cell = notebook.run(
        f"""
        os.environ["JUPYTERHUB_SERVICE_PREFIX"] = "/user/grace/"
        try:
            with start(FastAPI(), port={port}) as server:
                display(server)
        finally:
            del os.environ["JUPYTERHUB_SERVICE_PREFIX"]
        """
    )
    assert f"/user/grace/proxy/{port}/docs" in cell.shown
    assert f'href="/user/grace/proxy/{port}/docs"' in cell.html


def test_serve_shows_the_proxied_address_and_stops_on_the_jupyters_interrupt(notebook, port):
    cell = notebook.send(f"serve(FastAPI(), port={port})")
    shown = notebook.until_shown(cell, "To stop")
    notebook.interrupt()
    ended = notebook.finish(cell)

    assert f"/user/ada/proxy/{port}/docs" in shown.shown
    assert f'href="/user/ada/proxy/{port}/docs"' in shown.html
    assert (ended.status, ended.error) == ("ok", "")
    assert ended.shown.endswith("Stopped.\n")


def test_prefix_from_another_machine_is_not_believed():
    scope = {
        "type": "http",
        "client": ("203.0.113.7", 4000),
        "path": "/",
        "raw_path": b"/",
        "headers": [(b"x-forwarded-prefix", b"/elsewhere")],
    }
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    async def ask():
        await ForwardedPrefix(app)(scope, None, None)

    asyncio.run(ask())

    assert seen == [scope]


@pytest.mark.parametrize("prefix", ["//elsewhere.example", "elsewhere", "/a'b", "/a/../..//b", ""])
def test_prefix_that_is_no_path_is_not_believed(plain_site, notebook, prefix):
    direct = notebook.value("print(plain.url)")
    address = get(f"{direct}/address", headers={"X-Forwarded-Prefix": prefix}).json()
    assert address == f"{direct}/"
