"""`start` in a real kernel: the notebook stays usable while the server answers."""

import pytest
import requests

pytestmark = pytest.mark.slow


def get(url):
    return requests.get(url, timeout=30)


def test_start_leaves_the_kernel_free_while_it_answers(notebook):
    url = notebook.value("server = start(app); print(server.url)")

    assert get(url).json() == "hello"
    assert notebook.value("print(6 * 7)") == "42"
    notebook.value("server.stop()")


def test_start_same_cell_twice_serves_the_newer_app(notebook, port):
    cell = """
    app = FastAPI()
    made = globals().get("made", 0) + 1

    @app.get("/")
    def home(number=made):
        return number

    server = start(app, port=%d)
    """

    notebook.value(cell % port)
    notebook.value(cell % port)

    assert get(f"http://127.0.0.1:{port}").json() == 2
    notebook.value("server.stop()")


def test_start_port_of_another_process_says_what_to_do(notebook, taken_port):
    cell = notebook.run(f"start(app, port={taken_port})")
    assert cell.error.startswith(f"ServerStartError: Port {taken_port} on 127.0.0.1 is taken")


def test_handle_at_the_end_of_a_cell_shows_links(notebook, port):
    cell = notebook.run(f"server = start(app, port={port}); server")
    notebook.value("server.stop()")

    assert f'href="http://127.0.0.1:{port}/docs"' in cell.html
    assert f"Serving at http://127.0.0.1:{port}" in cell.shown


def test_start_interrupted_during_start_up_gives_up_the_port(notebook, port):
    notebook.value(
        """
        @asynccontextmanager
        async def endless(app):
            print("loading", flush=True)
            await asyncio.sleep(600)
            yield
        """
    )
    cell = notebook.send(f"start(FastAPI(lifespan=endless), port={port})")
    notebook.until_shown(cell, "loading")

    notebook.interrupt()

    assert notebook.finish(cell).error.startswith("KeyboardInterrupt")
    assert notebook.value(f"server = start(app, port={port}); print(server.port)") == str(port)
    notebook.value("server.stop()")


def test_start_failing_start_up_raises_in_the_cell(notebook):
    notebook.value(
        """
        @asynccontextmanager
        async def broken(app):
            raise OSError("no weights")
            yield
        """
    )
    cell = notebook.run("start(FastAPI(lifespan=broken))")
    assert cell.error.startswith("ServerStartError: The app failed while starting up: OSError: no")


def test_serve_without_nest_asyncio_says_what_to_install_and_frees_the_port(notebook, port):
    cell = notebook.run(
        f"""
        import sys
        sys.modules["nest_asyncio"] = None
        try:
            serve(app, port={port})
        finally:
            del sys.modules["nest_asyncio"]
        """
    )
    assert cell.error.startswith("ServerStartError: `serve` cannot run on this kernel's event loop")
    assert "pip install 'detectlab[lab]'" in cell.error
    assert notebook.value(f"server = start(app, port={port}); print(server.port)") == str(port)
    notebook.value("server.stop()")
