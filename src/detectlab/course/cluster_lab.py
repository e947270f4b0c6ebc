"""Nodes of a cluster on the laptop of a learner, which end with the notebook at the latest."""

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

_PATIENCE_S = 180.0


def _short_rest() -> None:
    time.sleep(0.2)


class NotInstalled(Exception):
    """The extra `scale` is missing; a notebook shows this as one sentence, and stops."""

    def __init__(self) -> None:
        super().__init__(
            "This notebook needs Ray, which `make lab` leaves out: run `make setup-scale` in a "
            "terminal, then restart the kernel."
        )

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Lab:
    """A small cluster on this machine, for one notebook.

    Its nodes end with `stop`, when a cell is interrupted (see `after_cell`), and in any case when
    the process that started them ends: a guard process waits for that.

    Args:
        machine: The nodes, already started.
        folder: Where to write down what the guard has to know; it removes that in the end.
    """

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        (self.port,) = free_ports(1)
        self._wanted: dict[str, int] = {}
        self._begun: dict[str, list[Replica]] = {}  # as last seen
        self._file = folder / "machine.json"
        machine.save(self._file)
        self._guard = subprocess.Popen(
            [sys.executable, "-m", "detectlab.course.cluster_guard", str(self._file)],
            stdin=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    @classmethod
    def start(cls, nodes: int = 2, cpus: float = 4) -> "Lab":
        """Start nodes that claim so many processors each, whatever the machine has.

        Raises:
            NotInstalled: When Ray is not there.
            ClusterError: When a node does not come up.
        """
        if find_spec("ray") is None:
            raise NotInstalled
        folder = Path(tempfile.mkdtemp(prefix="detectlab-lab-"))
        # In a thread, which an interrupt does not reach: no node is left half started.
        with _own_rollout_file(folder), ThreadPoolExecutor(1) as thread:
            first = thread.submit(Machine.start, cpus)
            try:
                lab = cls(first.result(), folder)
            except KeyboardInterrupt:
                first.result().stop()
                raise
            try:
                for _ in range(nodes - 1):
                    thread.submit(lab.machine.add_node, cpus).result()
            except BaseException:
                thread.shutdown()
                lab.stop()
                raise
        lab.machine.save(lab._file)
        return lab

    @property
    def url(self) -> str:
        """Where clients ask."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether there are nodes."""
        return bool(self.machine.nodes)

    def deploy(
        self,
        detectors: Mapping[str, Mapping[str, Any]],
        meanwhile: Callable[[], object] = _short_rest,
    ) -> None:
        """Deploy versions of detectors, and wait until all of their replicas answer.

        Args:
            detectors: The fields of `DetectorSettings` for each version, by its name; `replicas`
                stands for as many at least as at most.
            meanwhile: Called again and again; by default it rests.

        Raises:
            ValueError: When the settings make no sense.
            ClusterError: When a version does not come up; the one before it goes on.
        """
        versions = {name: _with_replicas(one) for name, one in detectors.items()}
        settings = ClusterSettings.model_validate({"detectors": versions, "port": self.port})
        self._wanted = {name: one.min_replicas for name, one in settings.detectors.items()}
        self.machine.dashboard.deploy(serve_config(settings))
        self._wait(self._is_settled, meanwhile)
        wait_until_answering(self.url, _PATIENCE_S)

    def replicas(self, name: str) -> list[Replica]:
        """The replicas of a version that can answer now."""
        found = self.machine.dashboard.applications()
        return (
            [one for one in found[name].replicas if one.state == "RUNNING"] if name in found else []
        )

    def count(self) -> int:
        """How many replicas of all versions have begun to answer, and have not ended."""
        found = self.machine.dashboard.applications()
        self._begun = {
            name: [one for one in application.replicas if one.state != "STARTING"]
            # While it reads new settings, the cluster lists none, but ends none either.
            or [one for one in self._begun.get(name, []) if alive([one.pid])]
            for name, application in found.items()
            if name != GATEWAY
        }
        return sum(map(len, self._begun.values()))

    def where(self) -> dict[str, list[str]]:
        """What runs on each node."""
        names = {self.machine.id_of(node): node.name for node in self.machine.nodes}
        placed: dict[str, list[str]] = {name: [] for name in names.values()}
        for application in self.machine.dashboard.applications().values():
            for replica in application.replicas:
                if replica.state == "RUNNING":
                    placed[names[replica.node]].append(application.name)
        return {name: sorted(found) for name, found in placed.items()}

    def kill(self, name: str, meanwhile: Callable[[], object] = _short_rest) -> None:
        """End the process of one replica at once, whatever it was doing, and wait for its heir."""
        victim = self.replicas(name)[0]
        kill([victim.pid])
        self._wait(lambda: victim.pid not in [one.pid for one in self.replicas(name)], meanwhile)
        self._wait(self._is_settled, meanwhile)

    def drain(self, name: str, meanwhile: Callable[[], object] = _short_rest) -> None:
        """Let a node take nothing new, and wait until the others do all of its work."""
        (node,) = [node for node in self.machine.nodes if node.name == name]
        self.machine.drain(node)
        self._wait(lambda: not self.where()[name] and self._is_settled(), meanwhile)

    def stop(self) -> None:
        """End all nodes; again and again is harmless."""
        self.machine.stop()
        if self._guard.stdin:
            self._guard.stdin.close()
        self._guard.wait()

    def after_cell(self, result: Any) -> None:
        """Stop when the learner interrupted a cell: for IPython's event `post_run_cell`."""
        if isinstance(result.error_in_exec, KeyboardInterrupt) and self.running:
            self.stop()
            print("Interrupted: the cluster was stopped. Begin again with its first cell.")

    def _is_settled(self) -> bool:
        """Whether there is what was asked for, and nothing else."""
        found = self.machine.dashboard.applications()
        for one in found.values():
            if one.state == "DEPLOY_FAILED":
                raise ClusterError(f"`{one.name}` could not be deployed. {one.message}")
        states = {(name, one.state) for name, one in found.items()}
        running = {name: one.running for name, one in found.items() if name != GATEWAY}
        return running == self._wanted and states == {
            (name, "RUNNING") for name in (GATEWAY, *self._wanted)
        }

    @staticmethod
    def _wait(condition: Callable[[], bool], meanwhile: Callable[[], object]) -> None:
        until = time.monotonic() + _PATIENCE_S
        while not condition():
            if time.monotonic() > until:
                raise ClusterError(
                    f"the cluster is not where it should be after {_PATIENCE_S:g} s."
                )
            meanwhile()


@contextmanager
def _own_rollout_file(folder: Path) -> Iterator[None]:
    """Let nodes that start now begin without the plan that an older cluster left here."""
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
