"""Pieces of a notebook become files that run alone; engines are used where they answer."""

import contextlib
import linecache
import os
import re
import runpy
import stat
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from detectlab.course import compose_run, image_run
from detectlab.course.own_files import mine_or_ours, running, write_module, write_requirements
from detectlab.course.verdicts import NotYet, exercise_check

CELLS = [
    "class Circle:",
    "import math\nfrom detectlab import Detections\n\n\ndef area(r):\n    return r * r",
    "import math\n\n\ndef area(r):\n    # the latest one counts\n    return math.pi * r**2",
    "class Circle:\n    r = 2",
]


@pytest.fixture
def kernel(monkeypatch):
    """What is left of cells that ran: their names, and their source as IPython keeps it."""
    cache = dict(linecache.cache)
    namespace = {"__name__": "__main__"}
    for number, cell in enumerate(CELLS):
        name = f"<cell {number}>"
        cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
        with contextlib.suppress(SyntaxError):
            exec(compile(cell, name, "exec"), namespace)
    monkeypatch.setattr(linecache, "cache", cache)
    return namespace


def test_module_has_the_latest_source_of_each_piece_and_its_imports(kernel, tmp_path):
    file = tmp_path / "own.py"

    write_module(file, ["import os", kernel["area"], kernel["Circle"], "HERE = os.sep"])

    text = file.read_text("utf-8")
    assert text.startswith("import os\nimport math\n\n\n")
    assert "# the latest one counts" in text
    assert "detectlab" not in text
    own = runpy.run_path(str(file))
    assert own["area"](own["Circle"].r) == pytest.approx(12.566, abs=0.001)
    assert own["HERE"] == os.sep


def test_module_may_have_pieces_of_a_package(tmp_path):
    write_module(tmp_path / "own.py", [write_requirements])

    assert callable(runpy.run_path(str(tmp_path / "own.py"))["write_requirements"])


def test_piece_that_no_cell_defines_is_said(tmp_path):
    with pytest.raises(ValueError, match="No cell defines Lost"):
        write_module(tmp_path / "own.py", [type("Lost", (), {})])


def test_requirements_are_the_versions_that_are_installed(tmp_path):
    write_requirements(tmp_path / "r.txt", ["requests", "opencv-python-headless"])

    lines = (tmp_path / "r.txt").read_text("utf-8").splitlines()
    assert lines[0] == f"requests=={requests.__version__}"
    assert re.fullmatch(r"opencv-python-headless==4\.[\d.]+", lines[1])


@exercise_check
def check_is_even(answer):
    if answer % 2:
        raise NotYet("odd")
    return "even"


@pytest.mark.parametrize(
    ("mine", "chosen", "said"),
    [
        pytest.param(4, 4, "", id="correct"),
        pytest.param(3, 2, "Until yours is correct, the lab's text is used.\n", id="wrong"),
        pytest.param("a", 2, "Until yours is correct, the lab's text is used.\n", id="raises"),
    ],
)
def test_own_answer_is_taken_when_it_is_correct(capsys, mine, chosen, said):
    assert mine_or_ours(mine, check_is_even, ours=2) == chosen
    assert capsys.readouterr().out == said


def test_program_that_ends_at_once_says_why(tmp_path):
    with (
        pytest.raises(RuntimeError, match=r"It ended at once: .*No module named nonsense"),
        running("nonsense", [], tmp_path, "/"),
    ):
        pass


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Puts a program called docker first on the search path."""

    def install(script):
        file = tmp_path / "bin" / "docker"
        file.parent.mkdir()
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(file.parent))

    return install


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app.py").write_text("app = None\n")
    (tmp_path / "compose.yaml").write_text("services: {page: {environment: {SERVICE: http://a}}}")
    return tmp_path


# Answers like an engine: its container is the test's server.
ENGINE = """case "$*" in
  info|build*|"stop c1"|"compose version"|"compose build"|"compose down"|"compose up"*) ;;
  "image inspect"*) echo 512000000 ;;
  run*) echo c1 ;;
  "exec c1 id -u") echo 10001 ;;
  "compose exec"*) echo 200 ;;
  *) echo "no such command: $*" >&2; exit 1 ;;
esac"""


@pytest.fixture
def container(monkeypatch):
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setattr(image_run, "free_ports", lambda count: [server.server_port])
        url = f"http://127.0.0.1:{server.server_port}/health"
        monkeypatch.setattr(compose_run, "_PAGE", url)
        yield
        server.shutdown()


@pytest.mark.usefixtures("container")
def test_image_is_built_run_asked_and_stopped(engine, folder):
    engine(ENGINE)
    lines = []

    image_run.build_and_run(folder, lines.append)

    assert [line.partition(":")[0] for line in lines] == [
        "built",
        "built again with another app.py",
        "size",
        "health",
        "user",
        "stopped",
    ]
    assert lines[2:5] == ["size: 512 MB", "health: OK", "user: 10001"]
    assert (folder / "app.py").read_text() == "app = None\n"


@pytest.mark.usefixtures("container")
def test_composition_is_started_asked_and_stopped(engine, folder):
    engine(ENGINE)
    lines = []

    compose_run.up_and_down(folder, lines.append)

    assert lines[0].startswith("the page answers: OK, ")
    assert lines[1] == "inside the page, the service's /health answers: 200"
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param("exit 1", "No Docker engine answers here.", id="no-engine"),
        pytest.param(
            '[ "$1" = info ] || { echo "no registry" >&2; exit 1; }',
            "It failed: `build --tag`: no registry",
            id="fails",
        ),
    ],
)
def test_without_an_engine_the_stored_run_is_shown(engine, folder, script, said):
    engine(script)
    lines = []

    image_run.build_and_run(folder, lines.append)

    assert lines[:2] == [said, "This is a run from another machine:"]
    stored = "\n".join(lines[2:])
    for step in ("built: ", "built again", "size: ", "health: ", "user: 10001", "stopped: "):
        assert step in stored


def test_without_an_engine_the_stored_composition_is_shown(engine, folder):
    engine("exit 1")
    lines = []

    compose_run.up_and_down(folder, lines.append)

    assert lines[0] == "No engine with `docker compose` answers here."
    assert "inside the page, the service's /health answers: 200" in lines
    assert "outside, port 8000 answers: no answer" in lines
