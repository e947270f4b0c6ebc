"""Helpers of the cluster notebook, without a cluster."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from testing import FakeDetector

from detectlab.cluster.local_nodes import Machine, Node
from detectlab.course import notebook_cluster
from detectlab.course.notebook_cluster import NotebookCluster, NotInstalled
from detectlab.course.slow_detectors import SlowDetector
from detectlab.course.traffic import Traffic

GREY = np.full((48, 64, 3), 127, np.uint8)


def test_patient_detector_answers_the_same_later():
    patient = SlowDetector(FakeDetector("nothing"), seconds=0.05)
    started = time.monotonic()

    found = patient.detect(GREY)

    assert time.monotonic() - started >= 0.05
    assert len(found) == 0
    assert (patient.name, patient.names) == ("nothing", ("apple",))


def test_lab_without_ray_says_what_to_do_in_one_sentence(monkeypatch):
    monkeypatch.setattr(notebook_cluster, "find_spec", lambda name: None)

    with pytest.raises(NotInstalled, match=r"run `make setup-scale` in a terminal") as refused:
        NotebookCluster.start()

    assert refused.value._render_traceback_() == [str(refused.value)]


def test_traffic_without_a_server_counts_the_failures_and_draws_them():
    with Traffic("http://127.0.0.1:9", b"a picture", clients=2, count=lambda: 1) as traffic:
        traffic.mark("begin")
        until = time.monotonic() + 10
        while traffic.failed < 3 and time.monotonic() < until:
            time.sleep(0.01)

    assert traffic.answered == 0
    assert traffic.failed >= 3
    assert list(traffic.failures) == ["no answer"]
    assert traffic.rate() == 0
    assert Counter(traffic.failures).total() == traffic.failed
    with Image.open(io.BytesIO(traffic.plot())) as picture:
        assert (picture.format, picture.width) == ("JPEG", 800)


@pytest.fixture
def node(tmp_path):
    """A process that could be a node: it waits, and names the machine's folder."""
    waits = subprocess.Popen([sys.executable, "-c", "input()", tmp_path], stdin=subprocess.PIPE)
    yield waits
    waits.kill()
    waits.communicate()


@pytest.fixture
def machine(node, tmp_path):
    """A cluster, as far as it has to be ended."""
    return Machine(str(tmp_path), "", "http://127.0.0.1:9", "", [Node("node-1", node.pid)])


def test_lab_ends_its_nodes_when_a_cell_is_interrupted_and_not_before(
    machine, node, tmp_path, capsys
):
    notes = tmp_path / "notes"
    cluster = NotebookCluster(machine, notes)

    cluster.after_cell(SimpleNamespace(error_in_exec=NameError("a mistake of the learner")))
    assert cluster.running
    cluster.after_cell(SimpleNamespace(error_in_exec=KeyboardInterrupt()))

    assert not cluster.running
    assert node.wait(100) == -signal.SIGTERM
    assert not notes.exists()
    assert capsys.readouterr().out.startswith("Interrupted: the cluster was stopped.")
    cluster.stop()


class Listing(BaseHTTPRequestHandler):
    """Answers as a cluster's head does, with the state and the replicas that its server has."""

    def do_GET(self):
        found = {"nano": self.server.replicas, "gateway": self.server.gateways}
        self._answer(
            {"applications": {name: self._application(one) for name, one in found.items()}}
        )

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({})

    def _application(self, replicas):
        listed = [{"replica_id": str(pid), **one} for pid, one in replicas.items()]
        deployments = {"D": {"message": "", "replicas": listed}} if listed else {}
        return {"status": self.server.state, "message": "", "deployments": deployments}

    def _answer(self, facts):
        body = json.dumps(facts).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def listing():
    with ThreadingHTTPServer(("127.0.0.1", 0), Listing) as server:
        server.state, server.replicas, server.gateways = "DEPLOYING", {}, {}
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_lab_counts_replicas_that_the_cluster_does_not_list_while_they_live(
    machine, node, tmp_path, listing
):
    machine.dashboard_url = f"http://127.0.0.1:{listing.server_port}"
    cluster = NotebookCluster(machine, tmp_path / "notes")
    assert cluster.count() == 0
    listing.replicas = {
        node.pid: {"state": "RUNNING", "pid": node.pid},
        0: {"state": "STARTING"},
    }
    assert cluster.count() == 1

    listing.replicas = {}
    assert cluster.count() == 1
    cluster.stop()
    node.wait(100)
    assert cluster.count() == 0


def test_lab_waits_for_each_replica_of_the_gateway_as_well(machine, tmp_path, listing, monkeypatch):
    monkeypatch.setattr(notebook_cluster, "wait_until_answering", lambda url, timeout_s: None)
    machine.dashboard_url = f"http://127.0.0.1:{listing.server_port}"
    cluster = NotebookCluster(machine, tmp_path / "notes")
    listing.state, running, waited = "RUNNING", {"state": "RUNNING"}, []
    listing.replicas, listing.gateways = {1: running}, {2: running}

    def meanwhile():
        waited.append(len(listing.gateways))
        listing.gateways = {2: running, 3: running}

    cluster.deploy({"nano": {"replicas": 1}}, meanwhile)
    cluster.stop()

    assert waited == [1]


def test_lab_whose_process_is_killed_ends_its_nodes_nevertheless(machine, node, tmp_path):
    notes = tmp_path / "notes"
    program = f"""
from pathlib import Path
from detectlab.cluster.local_nodes import Machine, Node
from detectlab.course.notebook_cluster import NotebookCluster
machine = Machine({machine.folder!r}, "", "http://127.0.0.1:9", "", [Node("node-1", {node.pid})])
cluster = NotebookCluster(machine, Path({str(notes)!r}))
print("ready", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as kernel:
        assert kernel.stdout.readline() == "ready\n"
        assert node.poll() is None
        os.kill(kernel.pid, signal.SIGKILL)

    assert node.wait(200) == -signal.SIGTERM
    until = time.monotonic() + 100
    while notes.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not notes.exists()
