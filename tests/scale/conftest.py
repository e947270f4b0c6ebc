"""One cluster of two nodes for all tests here, load on it, and pictures."""

import copy
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from detectlab.client import RolloutClient
from detectlab.cluster.config_files import serve_config
from detectlab.cluster.dashboard import wait_until_answering
from detectlab.cluster.local_nodes import Machine
from detectlab.cluster.settings import GATEWAY, ClusterSettings
from detectlab.kernel import start
from detectlab.serving.app import create_app

HERE = Path(__file__).parent
PORT = 8123
# They start a cluster of their own, which takes a minute: `make test-scale` asks for them.
if not os.environ.get("DETECTLAB_TEST_SCALE"):
    collect_ignore_glob = ["test_*.py"]

SMALL = {"cpus": 0.05, "check_every_s": 5}
SETTINGS: dict[str, Any] = {
    "detectors": {
        "nano": {**SMALL, "min_replicas": 2, "max_replicas": 2, "queue_size": 200},
        "nano-256": {**SMALL, "model": "nano", "input_size": 256, "max_replicas": 1},
        "slow": {
            **SMALL,
            "model": "nano",
            "made_by": "slow_detectors:make",
            "at_once": 1,
            "max_replicas": 1,
            "queue_size": 2,
        },
    },
    "gateway": {"replicas": 2, "cpus": 0.05, "limits": {"deadline_s": 150}},
    "port": PORT,
}


@dataclass
class RunningCluster:
    """The cluster, and what it is to be."""

    machine: Machine
    settings: ClusterSettings
    url: str = f"http://127.0.0.1:{PORT}"

    def deploy(self, changes: dict[str, dict[str, Any]] | None = None) -> None:
        """Bring the cluster to `SETTINGS`, with some detectors changed."""
        wanted = copy.deepcopy(SETTINGS)
        for name, change in (changes or {}).items():
            wanted["detectors"][name] |= change
        self.settings = ClusterSettings.model_validate(wanted)
        self.machine.dashboard.deploy(serve_config(self.settings))

    def wait(self, seconds: float = 400) -> None:
        """Wait until everything runs; raises `ClusterError`."""
        names = {*self.settings.detectors, GATEWAY}
        self.machine.dashboard.wait_until_running(names, seconds)
        wait_until_answering(self.url, seconds)

    def replicas(self, name: str) -> list[Any]:
        """The replicas of an application that can answer."""
        found = self.machine.dashboard.applications()[name].replicas
        return [replica for replica in found if replica.state == "RUNNING"]


@pytest.fixture(scope="module")
def collector() -> Iterator[tuple[str, list[Any]]]:
    """The address of a collector of traces, and what it received: `ResourceSpans` of OTLP."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    received: list[Any] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.extend(ExportTraceServiceRequest.FromString(body).resource_spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, collector: tuple[str, list[Any]]
) -> Iterator[RunningCluster]:
    """A cluster of two nodes, everything running; ended after the module's last test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETECTLAB_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("PYTHONPATH", str(HERE))
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector[0])
        # Only requests whose client wants it are traced.
        patch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        machine = Machine.start(cpus=1)
        try:
            machine.add_node(cpus=1)
            running = RunningCluster(machine, ClusterSettings.model_validate(SETTINGS))
            running.deploy()
            running.wait()
            yield running
        finally:
            machine.stop()


@pytest.fixture
def healthy(cluster: RunningCluster) -> RunningCluster:
    """The cluster with two nodes and everything as in `SETTINGS`, whatever the last test did."""
    while len(cluster.machine.nodes) < 2:
        cluster.machine.add_node(cpus=1)
    cluster.deploy()
    cluster.wait()
    return cluster


@pytest.fixture(scope="module")
def one_machine(cluster: RunningCluster) -> Iterator[str]:
    """The address of the same service without a cluster."""
    with start(create_app(), port=0) as server:
        yield server.url


@pytest.fixture(scope="session")
def apple(root: Path) -> bytes:
    return (root / "images" / "apple.jpg").read_bytes()


@pytest.fixture
def operator(cluster: RunningCluster) -> Callable[[str], RolloutClient]:
    """Makes a client for somebody who runs rollouts."""
    return lambda name: RolloutClient(cluster.url, operator=name, timeout_s=120)


@dataclass
class Load:
    """Clients that ask for one picture again and again, and what came of it."""

    url: str
    picture: bytes
    attempts: int
    answers: list[Any] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def ask_until_stopped(self) -> None:
        while not self.stopping.is_set():
            self.ask()

    def ask(self) -> None:
        failures = []
        for _ in range(self.attempts):
            try:
                answer = requests.post(
                    self.url,
                    files={"file": self.picture},
                    timeout=200,
                    headers={"Accept": "application/json"},
                )
            except requests.RequestException as error:
                failures.append(repr(error))
                continue
            if answer.ok:
                self.answers.append(answer.json())
                return
            failures.append(f"{answer.status_code} {answer.text[:200]}")
        self.lost.append("; ".join(failures))

    def wait_for(self, count: int, seconds: float = 400) -> None:
        """Wait until so many requests are done."""
        until = time.monotonic() + seconds
        while len(self.answers) + len(self.lost) < count:
            assert time.monotonic() < until, f"{count} requests took longer than {seconds:g} s"
            time.sleep(0.01)

    @property
    def confidences(self) -> Counter[tuple[float, ...]]:
        """How often which answer was given."""
        return Counter(
            tuple(found["confidence"] for found in answer["detections"]) for answer in self.answers
        )


@pytest.fixture
def load(cluster: RunningCluster, apple: bytes) -> Callable[..., Any]:
    """Lets clients ask until the block ends."""

    @contextmanager
    def run(clients: int = 16, attempts: int = 1, query: str = "?model=nano") -> Iterator[Load]:
        asked = Load(f"{cluster.url}/predict{query}", apple, attempts)
        threads = [threading.Thread(target=asked.ask_until_stopped) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield asked
        finally:
            asked.stopping.set()
            for thread in threads:
                thread.join(250)

    return run
