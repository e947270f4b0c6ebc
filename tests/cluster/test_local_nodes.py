"""What the cluster's operators do from outside: ask a head, and count and end processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from testing import free_ports
from typer.testing import CliRunner

from detectlab.cli.cluster import app
from detectlab.cluster.dashboard import ClusterError, Dashboard, wait_until_answering
from detectlab.cluster.local_nodes import Machine, Node
from detectlab.cluster.processes import (
    alive,
    descendants,
    kill,
    python_for_ray,
    terminate,
    wait_until_gone,
)

# A process with a child; both wait, and say so.
PARENT = (
    "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1], *sys.argv[2:]])"
)
CHILD = "import time; print('ready', flush=True); time.sleep(600)"


class Head(ThreadingHTTPServer):
    """Answers as the head of a cluster does, with what it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.states = {"nano": "DEPLOYING", "gateway": "RUNNING"}
        self.message = ""
        self.deployed: list[Any] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Head

    def do_GET(self) -> None:
        if self.headers["Authorization"] != "Bearer secret":
            self._answer(401, None)
        elif "nodes" in self.path:
            nodes = [
                {"node_id": "a1", "state": "ALIVE", "resources_total": {"node-1": 1}},
                {"node_id": "b2", "state": "DEAD", "resources_total": {"node-2": 1}},
            ]
            self._answer(200, {"data": {"result": {"result": nodes}}})
        else:
            replicas = [
                {"state": "RUNNING", "pid": 7, "node_id": "a1", "replica_id": "r1"},
                {"state": "STARTING", "replica_id": "r2"},
            ]
            applications = {
                name: {
                    "status": state,
                    "message": "",
                    "deployments": {"D": {"message": self.server.message, "replicas": replicas}},
                }
                for name, state in self.server.states.items()
            }
            self._answer(200, {"applications": applications})
            self.server.states["nano"] = self.server.states.pop("next", "RUNNING")

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.deployed.append(body)
        self._answer(400 if "wrong" in body else 200, None)

    def do_DELETE(self) -> None:
        self.server.deployed.clear()
        self._answer(200, None)

    def _answer(self, status: int, content: Any) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def head() -> Iterator[Head]:
    server = Head()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def family(tmp_path: Path) -> Iterator[int]:
    """A process with a child, which knows of a folder `ray-ours`."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD, str(tmp_path / "ray-ours")],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        os.killpg(process.pid, signal.SIGKILL)


def test_dashboard_waits_until_everything_runs(head: Head) -> None:
    dashboard = Dashboard(head.url, "secret")

    dashboard.deploy({"applications": []})
    dashboard.wait_until_running({"nano", "gateway"}, 60)

    nano = dashboard.applications()["nano"]
    assert (nano.running, nano.replicas[0].pid, nano.replicas[1].node) == (1, 7, "")
    assert [node["node_id"] for node in dashboard.nodes()] == ["a1"]
    assert head.deployed == [{"applications": []}]
    dashboard.clear()
    assert head.deployed == []


def test_service_is_waited_for_until_it_answers_and_no_longer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(ClusterError, match=f"nothing answers at {url}: .*refused"):
        wait_until_answering(url, 0)


def test_python_is_reached_through_a_link_where_its_path_has_spaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", "/plain")
    assert python_for_ray(tmp_path) == sys.executable

    folder = tmp_path / "my lab"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").touch()
    monkeypatch.setattr(sys, "prefix", str(folder))
    monkeypatch.setattr(sys, "executable", str(folder / "bin/python"))
    for _ in range(2):  # the second node finds the first one's link
        linked = Path(python_for_ray(tmp_path))
        assert " " not in str(linked)
        assert linked.samefile(folder / "bin/python")


def test_dashboard_says_what_could_not_be_deployed(head: Head) -> None:
    head.states["nano"], head.message = "DEPLOY_FAILED", "no such detector"

    with pytest.raises(ClusterError, match=r"`nano` could not be deployed\. no such detector"):
        Dashboard(head.url, "secret").wait_until_running({"nano", "gateway"}, 60)


def test_dashboard_gives_up_at_the_deadline_and_names_the_states(head: Head) -> None:
    with pytest.raises(ClusterError, match=r"not everything runs after 0 s: .*'DEPLOYING'"):
        Dashboard(head.url, "secret").wait_until_running({"nano", "gateway"}, 0)


def test_dashboard_says_who_refuses_and_who_is_not_there(head: Head) -> None:
    with pytest.raises(ClusterError, match=r"refuses \(401\)"):
        Dashboard(head.url, "wrong").applications()
    with pytest.raises(ClusterError, match=r"refuses \(400\)"):
        Dashboard(head.url, "secret").deploy({"wrong": 1})
    (port,) = free_ports(1)
    with pytest.raises(ClusterError, match="there is no cluster at"):
        Dashboard(f"http://127.0.0.1:{port}").applications()


def test_status_shows_what_runs_where(head: Head) -> None:
    head.message = "slow to start"

    result = CliRunner().invoke(
        app, ["status", "--address", head.url, "--token", "secret"], catch_exceptions=False
    )

    assert "nano             DEPLOYING" in result.output
    assert "r1         RUNNING    node 1, process 7" in result.output
    assert "slow to start" in result.output
    assert "1 node(s)" in result.output


def test_up_brings_a_cluster_elsewhere_to_what_the_file_says(head: Head, tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text("detectors: {nano: {}}")

    result = CliRunner().invoke(
        app, ["up", str(file), "--address", head.url, "--token", "secret"], catch_exceptions=False
    )

    assert "gateway          RUNNING" in result.output
    (config,) = head.deployed
    assert [one["name"] for one in config["applications"]] == ["nano", "gateway"]


def test_up_refuses_to_listen_to_everybody_without_a_key(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    file = tmp_path / "cluster.yaml"
    file.write_text("{detectors: {nano: {}}, host: 0.0.0.0}")

    result = CliRunner().invoke(app, ["up", str(file)], env={"DETECTLAB_HOME": str(tmp_path)})

    assert isinstance(result.exception, ValueError)
    assert "could use this server" in str(result.exception)


def test_down_and_status_say_that_nothing_runs(tmp_path: Path) -> None:
    home = {"DETECTLAB_HOME": str(tmp_path)}

    assert "No cluster of ours" in CliRunner().invoke(app, ["down"], env=home).output
    told = CliRunner().invoke(app, ["status"], env=home)
    assert "no cluster of ours runs on this machine" in str(told.exception)


def test_machine_is_found_again_with_its_own_processes_only(tmp_path: Path, family: int) -> None:
    machine = Machine(str(tmp_path / "ray-ours"), "127.0.0.1:1", "http://127.0.0.1:1", "secret")
    machine.nodes = [Node("node-1", family), Node("node-2", os.getpid())]
    file = tmp_path / "home" / "machine.json"
    assert Machine.find(file) is None

    machine.save(file)
    found = Machine.find(file)

    assert found is not None
    assert [node.name for node in found.nodes] == ["node-1"]
    assert file.stat().st_mode & 0o077 == 0
    assert found.environment["RAY_AUTH_TOKEN_PATH"].startswith(found.folder)


def test_lost_node_takes_everything_below_it_along(tmp_path: Path, family: int) -> None:
    machine = Machine(str(tmp_path), "127.0.0.1:1", "http://127.0.0.1:1", "secret")
    machine.nodes = [Node("node-1", family)]
    pids = descendants(family)
    assert len(pids) == 2

    machine.lose(machine.nodes[0])

    assert not alive(pids)
    assert machine.nodes == []


def test_lost_node_takes_along_what_outlived_its_first_process(tmp_path: Path, family: int) -> None:
    machine = Machine(str(tmp_path), "127.0.0.1:1", "http://127.0.0.1:1", "secret")
    machine.nodes = [Node("node-1", family)]
    _, child = descendants(family)
    kill([family])
    assert wait_until_gone([family], 30)
    assert alive([child])

    machine.lose(machine.nodes[0])

    assert not alive([child])


def test_processes_that_go_on_are_waited_for_in_vain(family: int) -> None:
    assert not wait_until_gone([family], 0.2)
    kill(descendants(family))
    assert wait_until_gone([family], 30)
    terminate([family])  # no error when it has ended already
