"""`start`: a server in the background, with a handle to it."""

import asyncio
import contextlib
import logging
import re
import socket
import subprocess
import sys
import threading
from contextlib import asynccontextmanager

import pytest
import requests
from fastapi import FastAPI

from detectlab.kernel import ServerStartError, serve, start
from detectlab.kernel.listening import bind


def make_app(text="hello", **settings):
    app = FastAPI(**settings)

    @app.get("/")
    def home():
        return text

    return app


@pytest.fixture
def server():
    with start(make_app()) as server:
        yield server


def get(url):
    return requests.get(url, timeout=30)


def test_start_returns_a_handle_whose_url_answers(server):
    assert get(server.url).json() == "hello"
    assert server.url == f"http://127.0.0.1:{server.port}"
    assert server.running


def test_stop_frees_the_port_and_may_be_called_twice(server, is_free):
    server.stop()
    server.stop()

    assert is_free(server.port)
    assert not server.running


def test_with_block_left_normally_stops_the_server(is_free):
    with start(make_app()) as server:
        assert get(server.url).ok

    assert is_free(server.port)


def test_with_block_left_by_an_exception_stops_the_server_and_passes_it_on(is_free):
    with pytest.raises(ZeroDivisionError, match="mine"), start(make_app()) as server:
        raise ZeroDivisionError("mine")

    assert is_free(server.port)


def test_start_on_the_same_port_replaces_the_earlier_server(port):
    with (
        start(make_app("first"), port=port) as first,
        start(make_app("second"), port=port) as second,
    ):
        assert get(second.url).json() == "second"
        assert not first.running


def test_start_on_port_zero_twice_serves_both():
    with start(make_app("one")) as one, start(make_app("two")) as two:
        assert [get(one.url).json(), get(two.url).json()] == ["one", "two"]


def test_start_port_taken_by_another_program_says_what_to_do(taken_port):
    with pytest.raises(
        ServerStartError, match=rf"Port {taken_port} on 127.0.0.1 is taken .*port 0 takes any"
    ):
        start(make_app(), port=taken_port)


def test_start_address_of_another_machine_says_what_to_do():
    with pytest.raises(
        ServerStartError, match=r"Cannot listen on .* of 192\.0\.2\.1: [^(]*Use the default host"
    ):
        start(make_app(), host="192.0.2.1")


def test_start_leaves_the_log_of_its_process_open(tmp_path):
    log = logging.FileHandler(tmp_path / "mine.log")
    with contextlib.closing(log), start(make_app()):
        log.emit(logging.makeLogRecord({"msg": "still written"}))

        assert log.stream
        assert not log.stream.closed


def test_start_failing_request_is_told_on_stderr():
    code = """
from urllib.error import HTTPError
from urllib.request import urlopen

from detectlab.kernel import start

async def fail(scope, receive, send):
    raise ValueError("the learner's own mistake")

with start(fail) as server:
    try:
        urlopen(server.url)
    except HTTPError as error:
        print(error.code)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout == "500\n"
    assert run.stderr.startswith("Exception in ASGI application\n")
    assert run.stderr.endswith("ValueError: the learner's own mistake\n")


@pytest.mark.parametrize("port", [-1, 65536])
def test_start_impossible_port_is_refused(port):
    with pytest.raises(ValueError, match=rf"`port` must be from 0 .* to 65535. Received: {port}"):
        start(make_app(), port=port)


def test_start_without_an_app_is_refused():
    with pytest.raises(
        TypeError, match=r"`app` must be an ASGI application .* Received: 'main:app'"
    ):
        start("main:app")  # type: ignore[arg-type]


def test_start_failing_start_up_raises_with_its_cause_and_frees_the_port(port, is_free):
    @asynccontextmanager
    async def broken(app):
        raise OSError("no weights here")
        yield

    with pytest.raises(
        ServerStartError, match=r"failed while starting up: OSError: no weights here\. Mend"
    ) as caught:
        start(make_app(lifespan=broken), port=port)

    assert isinstance(caught.value.__cause__, OSError)
    assert is_free(port)


def test_start_failing_start_up_of_a_bare_asgi_app_gives_its_own_reason():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "the disk is full"})

    with pytest.raises(ServerStartError, match="failed while starting up: the disk is full"):
        start(app)


def test_lifespan_of_the_app_runs_around_its_service():
    events = []

    @asynccontextmanager
    async def lifespan(app):
        events.append("up")
        yield
        events.append("down")

    with start(make_app(lifespan=lifespan)):
        assert events == ["up"]
    assert events == ["up", "down"]


def test_stop_with_a_request_under_way_returns_while_it_still_runs(is_free):
    app, running, release = make_app(), threading.Event(), threading.Event()

    @app.get("/slow")
    def slow():
        running.set()
        release.wait(60)

    server = start(app)
    answers = []
    caller = threading.Thread(target=lambda: answers.append(get(f"{server.url}/slow").status_code))
    caller.start()
    try:
        assert running.wait(30)

        server.stop()

        assert is_free(server.port)
        assert not release.is_set()
    finally:
        release.set()
        caller.join()
    assert answers == [500]


def test_stop_of_an_app_that_blocks_its_loop_says_so(monkeypatch):
    monkeypatch.setattr("detectlab.kernel.server._STOP_DEADLINE_S", 0.3)
    app, running, release = make_app(), threading.Event(), threading.Event()

    @app.get("/blocking")
    async def blocking():
        running.set()
        release.wait(60)

    server = start(app)
    caller = threading.Thread(target=get, args=(f"{server.url}/blocking",))
    caller.start()
    try:
        assert running.wait(30)
        with pytest.raises(RuntimeError, match=r"did not stop .* plain `def`, not `async def`"):
            server.stop()
    finally:
        release.set()
        caller.join()
        monkeypatch.undo()
        server.stop()


def test_stop_from_another_thread_during_start_up_ends_the_wait(port, is_free):
    loading = threading.Event()

    @asynccontextmanager
    async def endless(app):
        loading.set()
        await asyncio.sleep(600)
        yield

    handles = []
    starter = threading.Thread(
        target=lambda: handles.append(start(make_app(lifespan=endless), port=port))
    )
    starter.start()
    assert loading.wait(30)

    with start(make_app("instead"), port=port) as server:
        starter.join()
        assert get(server.url).json() == "instead"

    assert not handles[0].running
    assert is_free(port)


@pytest.mark.parametrize("name", ["DOCKER-SETUP", "DETECTLAB_CONTAINER"])
def test_start_in_a_container_listens_for_other_machines(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    with start(make_app()) as server:
        assert server.host == "0.0.0.0"
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert get(server.url).ok


@pytest.mark.parametrize("value", ["", "0", "false", "No"])
def test_start_outside_a_container_listens_for_this_machine_only(monkeypatch, value):
    monkeypatch.delenv("DOCKER-SETUP", raising=False)
    monkeypatch.setenv("DETECTLAB_CONTAINER", value)
    with start(make_app()) as server:
        assert server.host == "127.0.0.1"


def test_start_on_an_ipv6_address_gives_a_url_that_answers():
    try:
        server = start(make_app(), host="::1")
    except ServerStartError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with server:
        assert server.url == f"http://[::1]:{server.port}"
        assert get(server.url).ok


@pytest.mark.parametrize("root_path", ["/api", "api/", "/api/"])
def test_start_with_root_path_serves_docs_that_find_the_schema(root_path):
    with start(make_app(), root_path=root_path) as server:
        assert "'/api/openapi.json'" in get(f"{server.url}/docs").text.replace('"', "'")
        assert get(f"{server.url}/").json() == "hello"


def test_repr_of_a_running_server_links_to_it_and_a_stopped_one_says_so(server):
    running, page = repr(server), server._repr_html_()
    server.stop()

    assert running.startswith(f"Serving at {server.url} (try {server.url}/docs)")
    assert re.findall('href="([^"]+)"', page)[:2] == [server.url, f"{server.url}/docs"]
    assert repr(server) == f"Server at {server.url}: stopped"
    assert server._repr_html_().endswith("</a>: stopped")


def test_start_ignores_uvloop_and_the_policy_of_the_user(tmp_path):
    """Both would make loops here that cannot serve."""
    (tmp_path / "uvloop.py").write_text("def new_event_loop(*_): raise SystemExit('uvloop used')")
    script = tmp_path / "script.py"
    script.write_text(
        "import asyncio, threading, urllib.request\n"
        "from detectlab.kernel import start\n"
        "import uvloop\n"
        "class Policy(asyncio.DefaultEventLoopPolicy):\n"
        "    def new_event_loop(self): raise SystemExit('policy used')\n"
        "asyncio.set_event_loop_policy(Policy())\n"
        "async def app(scope, receive, send):\n"
        "    assert scope['type'] == 'http'\n"
        "    body = type(asyncio.get_running_loop()).__mro__[1].__name__.encode()\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': body})\n"
        "with start(app) as server:\n"
        "    print(urllib.request.urlopen(server.url).read().decode())\n"
    )

    result = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)

    assert (result.stdout, result.stderr) == ("BaseSelectorEventLoop\n", "")


def test_serve_in_a_script_ends_on_ctrl_c_with_stopped(tmp_path, port, is_free):
    script = tmp_path / "script.py"
    script.write_text(
        "from fastapi import FastAPI\n"
        "from detectlab.kernel import serve\n"
        f"serve(FastAPI(), port={port})\n"
        "print('goes on')\n"
    )
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        shown = [process.stdout.readline(), process.stdout.readline()]
        assert get(f"http://127.0.0.1:{port}/docs").ok
        process.send_signal(2)
        output, errors = process.communicate(timeout=30)

    assert shown[0] == f"Serving at http://127.0.0.1:{port} (try http://127.0.0.1:{port}/docs)\n"
    assert "Ctrl+C" in shown[1]
    assert (output, errors, process.returncode) == ("Stopped.\ngoes on\n", "", 0)
    assert is_free(port)


def test_serve_stopped_by_another_thread_returns(port, capsys):
    app = make_app()
    ender = threading.Thread(target=lambda: _replace_when_up(app, port))
    ender.start()

    serve(app, port=port)
    ender.join()

    assert capsys.readouterr().out.endswith("Stopped.\n")


def _replace_when_up(app, port):
    while True:
        try:
            get(f"http://127.0.0.1:{port}")
        except requests.ConnectionError:
            continue
        start(app, port=port).stop()
        return


def test_import_of_the_module_loads_no_server():
    code = "import sys, detectlab.kernel; print([m for m in ('uvicorn', 'fastapi', 'nest_asyncio', "
    code += "'jupyter_server', 'IPython') if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert result.stdout == "[]\n"


def test_listening_socket_connections_send_at_once():
    # Otherwise asyncio's loop leaves an answer's body waiting for 40 ms.
    with bind("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
