"""A small cluster on the learner's machine, which ends with the notebook at the latest."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from detectlab.cluster.config_files import serve_config
from detectlab.cluster.dashboard import ClusterError, Replica, wait_until_answering
from detectlab.cluster.local_nodes import Machine
from detectlab.cluster.processes import alive, free_ports, kill
from detectlab.cluster.settings import GATEWAY, ClusterSettings
from detectlab.course.stop import StopNotebook

_TIMEOUT_S = 180.0


def _short_pause() -> None:
    time.sleep(0.2)


class NotInstalled(StopNotebook):
    """The extra `scale` is missing; a notebook shows this as one sentence, without a traceback."""

    def __init__(self) -> None:
        super().__init__(
            "This notebook needs Ray, which `make lab` leaves out: run `make setup-scale` in a "
            "terminal, then restart the kernel."
        )


class NotebookCluster:
    """A cluster on this machine for one notebook.

    Its nodes end with `stop`, when a cell is interrupted (see `after_cell`), and in any case when
    the process that started them ends: a watchdog process waits for that.

    Args:
        machine: The started nodes.
        folder: Folder for the watchdog's file; the watchdog removes it.
    """

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        (self.port,) = free_ports(1)
        self._wanted: dict[str, int] = {}
        self._started: dict[str, list[Replica]] = {}  # when last listed
        self._file = folder / "machine.json"
        machine.save(self._file)
        self._watchdog = subprocess.Popen(
            [sys.executable, "-m", "detectlab.course.cluster_watchdog", str(self._file)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    @classmethod
    def start(cls, *, nodes: int = 2, cpus: float = 4) -> "NotebookCluster":
        """Start the nodes.

        Args:
            nodes: Number of nodes.
            cpus: Processors that each node claims, whatever the machine has.

        Raises:
            NotInstalled: Ray is not installed.
            ClusterError: A node does not start.
        """
        if find_spec("ray") is None:
            raise NotInstalled
        folder = Path(tempfile.mkdtemp(prefix="detectlab-lab-"))
        # In a thread, which an interrupt does not reach, so that no node is left half started.
        with _own_rollout_file(folder), ThreadPoolExecutor(1) as thread:
            first = thread.submit(Machine.start, cpus)
            try:
                cluster = cls(first.result(), folder)
            except KeyboardInterrupt:
                first.result().stop()
                raise
            try:
                for _ in range(nodes - 1):
                    thread.submit(cluster.machine.add_node, cpus).result()
            except BaseException:
                thread.shutdown()
                cluster.stop()
                raise
        cluster.machine.save(cluster._file)
        return cluster

    @property
    def url(self) -> str:
        """Address of the service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether any node runs."""
        return bool(self.machine.nodes)

    def deploy(
        self,
        detectors: Mapping[str, Mapping[str, Any]],
        meanwhile: Callable[[], object] = _short_pause,
    ) -> None:
        """Deploy versions of detectors, and wait until all of their replicas answer.

        Args:
            detectors: Fields of `DetectorSettings` of each version, by its name; `replicas` sets
                both `min_replicas` and `max_replicas`.
            meanwhile: Called repeatedly while waiting; by default a short pause.

        Raises:
            ValueError: The settings are wrong.
            ClusterError: A version does not start; the previous one keeps running.
        """
        versions = {name: _with_replicas(one) for name, one in detectors.items()}
        settings = ClusterSettings.model_validate({"detectors": versions, "port": self.port})
        self._wanted = {name: one.min_replicas for name, one in settings.detectors.items()}
        self._wanted[GATEWAY] = settings.gateway.replicas
        self.machine.dashboard.deploy(serve_config(settings))
        self._wait(self._is_settled, meanwhile)
        wait_until_answering(self.url, _TIMEOUT_S)

    def replicas(self, name: str) -> list[Replica]:
        """The replicas of a version that can answer now."""
        found = self.machine.dashboard.applications()
        return (
            [one for one in found[name].replicas if one.state == "RUNNING"] if name in found else []
        )

    def count(self) -> int:
        """Number of replicas, of all versions, that have started to answer and have not ended."""
        found = self.machine.dashboard.applications()
        self._started = {
            name: [one for one in application.replicas if one.state != "STARTING"]
            # While the cluster reads new settings it lists no replicas, but they still run.
            or [one for one in self._started.get(name, []) if alive([one.pid])]
            for name, application in found.items()
            if name != GATEWAY
        }
        return sum(map(len, self._started.values()))

    def where(self) -> dict[str, list[str]]:
        """Applications with a replica on each node, by the node's name."""
        names = {self.machine.id_of(node): node.name for node in self.machine.nodes}
        placed: dict[str, list[str]] = {name: [] for name in names.values()}
        for application in self.machine.dashboard.applications().values():
            for replica in application.replicas:
                if replica.state == "RUNNING":
                    placed[names[replica.node]].append(application.name)
        return {name: sorted(found) for name, found in placed.items()}

    def kill(self, name: str, meanwhile: Callable[[], object] = _short_pause) -> None:
        """Kill the process of one replica, and wait for its replacement.

        Args:
            name: Name of the version.
            meanwhile: Called repeatedly while waiting.
        """
        victim = self.replicas(name)[0]
        kill([victim.pid])
        self._wait(lambda: victim.pid not in [one.pid for one in self.replicas(name)], meanwhile)
        self._wait(self._is_settled, meanwhile)

    def drain(self, name: str, meanwhile: Callable[[], object] = _short_pause) -> None:
        """Drain a node, and wait until the other nodes run all of its replicas.

        Args:
            name: Name of the node.
            meanwhile: Called repeatedly while waiting.
        """
        (node,) = [node for node in self.machine.nodes if node.name == name]
        self.machine.drain(node)
        self._wait(lambda: not self.where()[name] and self._is_settled(), meanwhile)

    def stop(self) -> None:
        """Stop all nodes; does nothing when they are stopped already."""
        self.machine.stop()
        if self._watchdog.stdin:
            self._watchdog.stdin.close()
        self._watchdog.wait()

    def after_cell(self, result: Any) -> None:
        """Stop after the learner interrupted a cell: a callback of IPython's `post_run_cell`."""
        if isinstance(result.error_in_exec, KeyboardInterrupt) and self.running:
            self.stop()
            print("Interrupted: the cluster was stopped. Start again with the first cell.")

    def _is_settled(self) -> bool:
        """Whether exactly the deployed replicas run."""
        found = self.machine.dashboard.applications()
        for one in found.values():
            if one.state == "DEPLOY_FAILED":
                raise ClusterError(f"`{one.name}` could not be deployed. {one.message}")
        running = {name: one.running for name, one in found.items()}
        return running == self._wanted and {one.state for one in found.values()} == {"RUNNING"}

    @staticmethod
    def _wait(condition: Callable[[], bool], meanwhile: Callable[[], object]) -> None:
        until = time.monotonic() + _TIMEOUT_S
        while not condition():
            if time.monotonic() > until:
                raise ClusterError(
                    f"the cluster has not reached the deployed state after {_TIMEOUT_S:g} s."
                )
            meanwhile()


@contextmanager
def _own_rollout_file(folder: Path) -> Iterator[None]:
    """Give nodes a rollout file of their own, without the plan of an older cluster."""
    name = "DETECTLAB_ROLLOUT_FILE"
    before = os.environ.get(name)
    os.environ[name] = str(folder / "rollout.sqlite")
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def _with_replicas(version: Mapping[str, Any]) -> dict[str, Any]:
    fields = dict(version)
    count = fields.pop("replicas", None)
    return fields if count is None else fields | {"min_replicas": count, "max_replicas": count}
