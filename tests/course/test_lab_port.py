"""The port of the learner's server, on a machine that others use too."""

import getpass
import socket
import urllib.request

import pytest
from fastapi import FastAPI

from detectlab.course import lab_port
from detectlab.course.lab_port import choose_port, find_port
from detectlab.kernel import start


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DETECTLAB_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DETECTLAB_PORT", raising=False)
    return tmp_path / "home"


@pytest.fixture
def neighbour(monkeypatch):
    """Another user's server at the usual port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(lab_port, "USUAL_PORT", taken.getsockname()[1])
        yield taken.getsockname()[1]


def test_port_of_a_neighbour_is_passed_over_and_the_client_is_told(neighbour):
    assert find_port() == neighbour

    chosen = choose_port()

    assert chosen != neighbour
    assert find_port() == chosen
    assert choose_port() == chosen  # the next time as well


def test_port_of_this_kernels_own_server_is_kept(neighbour):
    port = choose_port()
    with start(FastAPI(), port=port):
        assert choose_port() == port


def test_port_of_another_kernels_server_is_left_and_the_client_follows(neighbour):
    first = choose_port()
    with socket.create_server(("127.0.0.1", first)):
        second = choose_port()

    assert second not in (first, neighbour)
    assert find_port() == second


def test_port_of_the_environment_wins(neighbour, monkeypatch):
    choose_port()
    monkeypatch.setenv("DETECTLAB_PORT", "8123")

    assert (choose_port(), find_port()) == (8123, 8123)


@pytest.mark.parametrize("text", ["", "eight thousand", "-1", "70000"])
def test_port_file_that_holds_no_port_is_passed_over(home, text):
    home.mkdir()
    (home / "lab-port").write_text(text)

    assert find_port() == 8000


def test_port_is_chosen_where_nothing_can_be_written(home, neighbour):
    home.write_text("a file in the folder's place")

    assert choose_port() != neighbour


def served_by(url):
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=30) as answer:
        return answer.headers["X-Served-By"]


def test_answers_of_a_notebooks_server_say_whose_it_is():
    with start(FastAPI()) as server:
        assert served_by(server.url) == getpass.getuser()


def test_answers_beyond_this_machine_name_no_user():
    with start(FastAPI(), host="0.0.0.0") as server:
        assert served_by(server.url) is None
