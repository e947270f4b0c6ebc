"""`serve` in a real kernel: every trap in which a cell could turn red or a port stay taken."""

import threading

import pytest
import requests

pytestmark = pytest.mark.slow

READY = "To stop: interrupt the kernel"


def get(port, path="/"):
    return requests.get(f"http://127.0.0.1:{port}{path}", timeout=30)


def test_serve_running_tells_where_to_go_and_answers(notebook, port):
    cell = notebook.send(f"serve(app, port={port})")

    shown = notebook.until_shown(cell, READY).shown
    answer = get(port).json()
    notebook.interrupt()
    notebook.finish(cell)

    assert answer == "hello"
    assert f"http://127.0.0.1:{port}" in shown
    assert f"http://127.0.0.1:{port}/docs" in shown


def test_serve_interrupted_while_idle_ends_the_cell_cleanly(notebook, port, is_free):
    cell = notebook.send(f"serve(app, port={port})")
    notebook.until_shown(cell, READY)

    notebook.interrupt()
    ended = notebook.finish(cell)

    assert (ended.status, ended.error) == ("ok", "")
    assert ended.shown.endswith("Stopped.\n")
    assert "Traceback" not in ended.shown
    assert is_free(port)
    assert notebook.value("print(6 * 7)") == "42"


def test_serve_same_cell_after_interrupt_runs_again_at_once(notebook, port):
    for _ in range(3):
        cell = notebook.send(f"serve(app, port={port})")
        notebook.until_shown(cell, READY)
        assert get(port).json() == "hello"
        notebook.interrupt()
        assert notebook.finish(cell).status == "ok"


def test_serve_interrupted_runs_the_cells_queued_behind_it(notebook, port):
    serving = notebook.send(f"serve(app, port={port})")
    queued = [notebook.send(f"print('cell {n}')") for n in range(2)]
    notebook.until_shown(serving, READY)

    notebook.interrupt()

    assert notebook.finish(serving).status == "ok"
    assert [notebook.finish(cell).shown for cell in queued] == ["cell 0\n", "cell 1\n"]


def test_serve_widget_message_meanwhile_is_handled_afterwards(notebook, port):
    notebook.value(
        """
        import ipywidgets
        slider = ipywidgets.IntSlider(value=3)
        """
    )
    model_id = notebook.value("print(slider.model_id)")
    serving = notebook.send(f"serve(app, port={port})")
    notebook.until_shown(serving, READY)

    notebook.client.shell_channel.send(
        notebook.client.session.msg(
            "comm_msg",
            {"comm_id": model_id, "data": {"method": "update", "state": {"value": 9}}},
        )
    )
    after = notebook.send("print(slider.value)")
    notebook.interrupt()

    assert notebook.finish(after).shown == "9\n"


def test_serve_interrupted_during_a_slow_request_ends_without_traceback(notebook, port, is_free):
    notebook.value("release.clear()")
    cell = notebook.send(f"serve(app, port={port})")
    notebook.until_shown(cell, READY)
    answers = []
    # Its answer is cut off or 500; only that the cell does not wait for it matters here.
    caller = threading.Thread(target=lambda: answers.append(_status(port, "/slow")))
    caller.start()
    notebook.until_shown(cell, "a slow request runs")

    notebook.interrupt()
    ended = notebook.finish(cell)
    notebook.value("release.set(); await asyncio.sleep(0.5)")
    caller.join()

    assert (ended.status, ended.error) == ("ok", "")
    assert ended.shown.endswith("Stopped.\n")
    assert "Traceback" not in ended.shown
    assert answers != [200]
    assert is_free(port)


def _status(port, path):
    try:
        return get(port, path).status_code
    except requests.ConnectionError:
        return None


def test_serve_interrupted_during_a_fast_enough_request_lets_it_finish(notebook, port):
    notebook.value(
        """
        @app.get("/second")
        def second():
            print("a second runs", flush=True)
            time.sleep(1)
            return "finished"
        """
    )
    cell = notebook.send(f"serve(app, port={port})")
    notebook.until_shown(cell, READY)
    answers = []
    caller = threading.Thread(target=lambda: answers.append(get(port, "/second").json()))
    caller.start()
    notebook.until_shown(cell, "a second runs")

    notebook.interrupt()

    assert notebook.finish(cell).status == "ok"
    caller.join()
    assert answers == ["finished"]


def test_serve_interrupted_three_times_frees_a_loop_that_the_app_blocks(notebook, port, is_free):
    notebook.value(
        """
        @app.get("/blocking")
        async def blocking():
            print("blocked", flush=True)
            while True:
                time.sleep(0.05)
        """
    )
    cell = notebook.send(f"serve(app, port={port})")
    notebook.until_shown(cell, READY)
    caller = threading.Thread(target=_status, args=(port, "/blocking"))
    caller.start()
    notebook.until_shown(cell, "blocked")

    while not notebook.cells[cell].idle:  # signals that come together count once
        notebook.interrupt()
        notebook._take()
    ended = notebook.finish(cell)
    caller.join()

    assert (ended.status, ended.error) == ("ok", "")
    assert ended.shown.endswith("Stopped.\n")
    assert is_free(port)


def test_serve_port_of_another_process_says_what_to_do(notebook, taken_port):
    cell = notebook.run(f"serve(app, port={taken_port})")

    assert cell.status == "error"
    assert cell.error.startswith(f"ServerStartError: Port {taken_port} on 127.0.0.1 is taken")
    assert "port 0 takes any free one" in cell.error
    assert "Stop the other server" in cell.error


def test_serve_failing_start_up_names_the_cause_and_frees_the_port(notebook, port, is_free):
    notebook.value(
        """
        @asynccontextmanager
        async def broken(app):
            raise OSError("no weights in this folder")
            yield
        """
    )

    cell = notebook.run(f"serve(FastAPI(lifespan=broken), port={port})")

    assert cell.error.startswith(
        "ServerStartError: The app failed while starting up: OSError: no weights in this folder."
    )
    assert "Stopped." not in cell.shown
    assert is_free(port)
    assert notebook.value("print('usable')") == "usable"


@pytest.mark.parametrize(
    "wait",
    [
        pytest.param("await asyncio.sleep(600)", id="waiting on the loop"),
        pytest.param("time.sleep(600)", id="blocking the loop"),
    ],
)
def test_serve_interrupted_during_start_up_ends_the_cell_cleanly(notebook, port, is_free, wait):
    notebook.value(
        f"""
        @asynccontextmanager
        async def endless(app):
            print("loading", flush=True)
            {wait}
            yield
        """
    )
    cell = notebook.send(f"serve(FastAPI(lifespan=endless), port={port})")
    notebook.until_shown(cell, "loading")

    notebook.interrupt()
    ended = notebook.finish(cell)

    assert (ended.status, ended.error) == ("ok", "")
    assert ended.shown.endswith("Stopped.\n")
    assert READY not in ended.shown
    assert "Traceback" not in ended.shown
    assert is_free(port)


def test_serve_on_the_port_of_a_background_server_takes_its_place(notebook, port):
    notebook.value(f"background = start(app, port={port})")

    cell = notebook.send(f"serve(app, port={port})")
    notebook.until_shown(cell, READY)
    answer = get(port).json()
    notebook.interrupt()

    assert notebook.finish(cell).status == "ok"
    assert answer == "hello"
    assert notebook.value("print(background.running)") == "False"


def test_serve_beside_a_background_server_both_answer(notebook, port):
    other = int(notebook.value("background = start(app); print(background.port)"))
    cell = notebook.send(f"serve(app, port={port})")
    notebook.until_shown(cell, READY)

    answers = [get(port).json(), get(other).json()]
    notebook.interrupt()
    notebook.finish(cell)

    assert answers == ["hello", "hello"]
    assert get(other).json() == "hello"
    notebook.value("background.stop()")


def test_serve_after_the_course_applied_nest_asyncio_works(notebook, port):
    notebook.value("import nest_asyncio; nest_asyncio.apply()")
    cell = notebook.send(f"serve(app, port={port})")
    notebook.until_shown(cell, READY)

    answer = get(port).json()
    notebook.interrupt()

    assert answer == "hello"
    assert notebook.finish(cell).status == "ok"


def test_serve_error_of_an_endpoint_shows_its_traceback_in_the_cell(notebook, port):
    notebook.value(
        """
        @app.get("/broken")
        def broken_endpoint():
            raise ZeroDivisionError("the learner's mistake")
        """
    )
    cell = notebook.send(f"serve(app, port={port})")
    notebook.until_shown(cell, READY)

    status = get(port, "/broken").status_code
    notebook.until_shown(cell, "the learner's mistake")
    notebook.interrupt()

    assert status == 500
    assert notebook.finish(cell).status == "ok"
