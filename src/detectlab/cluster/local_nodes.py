"""Nodes of a cluster on this machine: start, drain and end our own, never those of others."""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from detectlab.cluster.dashboard import ClusterError, Dashboard
from detectlab.cluster.processes import (
    alive,
    command_of,
    descendants,
    free_ports,
    kill,
    python_for_ray,
    terminate,
    wait_until_gone,
)
from detectlab.cluster.ray_arguments import HOST, drain_arguments, head_options, start_arguments

_START_S = 300.0
_STOP_S = 40.0
_STOP_EMPTY_S = 3.0


@dataclass
class Node:
    """A node that we started.

    Attributes:
        name: `node-1`, `node-2`, ...; the first one is the head.
        pid: Process id of the ancestor of all the node's processes.
        process: Its `Popen`, where this process started it.
    """

    name: str
    pid: int
    process: "subprocess.Popen[bytes] | None" = None


@dataclass
class Machine:
    """A cluster on this machine, to start, and to find again from another process.

    All of it listens on 127.0.0.1, and requires a token that only the files' owner can read.

    Attributes:
        folder: Folder of Ray's sockets and logs; removed with the last node.
        address: Address at which nodes join.
        dashboard_url: Address of the dashboard.
        token: Token that nodes and clients must send.
        nodes: Nodes that were started and not ended, the head first.
    """

    folder: str
    address: str
    dashboard_url: str
    token: str
    nodes: list[Node] = field(default_factory=list)

    @classmethod
    def start(cls, cpus: float | None = None) -> "Machine":
        """Start the head.

        Args:
            cpus: Processors that it claims; by default all.

        Raises:
            ClusterError: It does not start; the message has the end of Ray's log.
        """
        folder = tempfile.mkdtemp(prefix="ray-")  # short: paths of sockets are bounded
        port, dashboard_port = free_ports(2)
        machine = cls(
            folder, f"{HOST}:{port}", f"http://{HOST}:{dashboard_port}", secrets.token_hex(32)
        )
        (Path(folder) / "token").touch(0o600)
        (Path(folder) / "token").write_text(machine.token)
        machine._start_node(head_options(port, dashboard_port), cpus)
        return machine

    @classmethod
    def find(cls, file: Path) -> "Machine | None":
        """The cluster that `save` wrote to a file, with those of its nodes that still run."""
        try:
            facts = json.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            return None
        nodes = [Node(**node) for node in facts.pop("nodes")]
        machine = cls(**facts)
        # A process may have ended, and another one may have its number now.
        machine.nodes = [node for node in nodes if machine.folder in command_of(node.pid)]
        return machine if machine.nodes else None

    def save(self, file: Path) -> None:
        """Write a file for `find`, readable by this user only."""
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.touch(0o600)
        nodes = [{"name": node.name, "pid": node.pid} for node in self.nodes]
        new.write_text(json.dumps({**vars(self), "nodes": nodes}), "utf-8")
        new.replace(file)

    @property
    def dashboard(self) -> Dashboard:
        """Client of the head."""
        return Dashboard(self.dashboard_url, self.token)

    @property
    def environment(self) -> dict[str, str]:
        """Environment of processes that join the cluster or use it."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        return kept | {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(Path(self.folder) / "token"),
            "RAY_ADDRESS": self.address,
            # By default Ray's workers have a low priority; ours answer interactive requests.
            "RAY_worker_niceness": "0",
            # Seconds. The nodes' proxies share a port: a drained one answers until its node ends.
            "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": "3600",
            # Seconds; the defaults are too short for a busy machine.
            "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "240",
            "RAY_DASHBOARD_SUBPROCESS_MODULE_WAIT_READY_TIMEOUT": "120",
        }

    def add_node(self, cpus: float | None = None) -> Node:
        """Start one more node; raises as `start` does."""
        return self._start_node([f"--address={self.address}"], cpus)

    def drain(self, node: Node) -> None:
        """Drain a node: it gets no new work, and its replicas move to others; it keeps running.

        Raises:
            ClusterError: The cluster refuses.
        """
        command = drain_arguments(self.address, self.id_of(node))
        asked = subprocess.run(
            self._ray(command), env=self.environment, capture_output=True, text=True, check=False
        )
        if asked.returncode:
            raise ClusterError(f"{node.name} cannot be drained: {asked.stderr[-500:]}")

    def id_of(self, node: Node) -> str:
        """Id of a node in the cluster.

        Raises:
            ClusterError: The cluster has no such node now.
        """
        for found in self.dashboard.nodes():
            if node.name in found["resources_total"]:
                return str(found["node_id"])
        raise ClusterError(f"{node.name} is not a node of the cluster now.")

    def end(self, node: Node, grace_s: float = _STOP_S) -> None:
        """Stop a node, once it has finished its running work.

        Args:
            node: The node.
            grace_s: Longest time for that work, in seconds.
        """
        pids = descendants(node.pid)
        terminate(pids[:1])
        if not wait_until_gone(pids[:1], grace_s):
            kill(pids[:1])
        self._clean_up(node, pids)

    def lose(self, node: Node) -> None:
        """Kill a node and all processes on it at once, as a power failure would."""
        pids = descendants(node.pid)
        kill(pids)
        self._clean_up(node, pids)

    def stop(self) -> None:
        """End all nodes, the head last, and remove their files."""
        grace_s = _STOP_S
        with contextlib.suppress(ClusterError):
            self.dashboard.clear()
            grace_s = _STOP_EMPTY_S  # otherwise Ray waits half a minute for other nodes
        for node in reversed(self.nodes.copy()):
            self.end(node, grace_s)
        until = time.monotonic() + 5
        while Path(self.folder).exists() and time.monotonic() < until:
            # Repeated, because a dying process may still write a log.
            shutil.rmtree(self.folder, ignore_errors=True)

    def _clean_up(self, node: Node, pids: list[int]) -> None:
        wait_until_gone(pids, 5)
        kill(pids)
        wait_until_gone(pids, 5)
        if node.process:
            node.process.wait()
        self.nodes.remove(node)

    def _start_node(self, options: list[str], cpus: float | None) -> Node:
        before = sum(1 for _ in Path(self.folder).glob("node-*"))
        name = f"node-{before + 1}"  # never the name of a lost node
        folder = Path(self.folder) / name
        folder.mkdir()
        command = start_arguments(name, folder, options, cpus)
        log = folder / "start.log"
        until = time.monotonic() + _START_S
        while time.monotonic() < until:
            # Ray itself gives up after 30 s, which is too short for a busy machine.
            node = self._run_node(name, command, log)
            if self._is_up(node, until):
                return node
            self.end(node)
        log_end = log.read_text("utf-8", "replace")[-1500:]
        if not self.nodes:
            self.stop()
        raise ClusterError(
            f"{name} did not start within {_START_S:g} s. The end of its log: {log_end}"
        )

    def _run_node(self, name: str, command: list[str], log: Path) -> Node:
        with log.open("w") as output:
            process = subprocess.Popen(
                self._ray(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.environment,
                cwd=log.parent,
                start_new_session=True,
            )
        node = Node(name, process.pid, process)
        self.nodes.append(node)
        return node

    def _is_up(self, node: Node, until: float) -> bool:
        """Wait until a node has joined the cluster; returns whether it has."""
        while time.monotonic() < until and alive([node.pid]):
            try:
                self.id_of(node)
                self.dashboard.applications()
                return True
            except ClusterError:
                time.sleep(0.5)
        return False

    def _ray(self, arguments: list[str]) -> list[str]:
        return [python_for_ray(Path(self.folder)), "-m", "ray.scripts.scripts", *arguments]
