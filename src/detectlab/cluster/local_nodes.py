"""Nodes of a cluster on this machine: started, drained, and ended, and never those of others."""

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

_HOST = "127.0.0.1"
_START_S = 300.0
_STOP_S = 40.0
_STOP_EMPTY_S = 3.0
_OBJECT_STORE_BYTES = 256 << 20  # of each node, for pictures on their way


@dataclass
class Node:
    """A node that we started.

    Attributes:
        name: `node-1`, `node-2`, ...; the first one is the head.
        pid: Of the process that all others of the node descend from.
    """

    name: str
    pid: int
    process: "subprocess.Popen[bytes] | None" = None  # where this process started it


@dataclass
class Machine:
    """A cluster on this machine, for whoever starts it and whoever comes back to it later.

    Everything listens on 127.0.0.1, and wants a token that only the owner of the files can read.

    Attributes:
        folder: Where Ray keeps its sockets and logs; goes with the last node.
        address: Where nodes find each other.
        dashboard_url: Where operators ask.
        token: What all of them must show.
        nodes: Those that were started and not ended, the head first.
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
            ClusterError: When it does not come up; the message has Ray's own last words.
        """
        folder = tempfile.mkdtemp(prefix="ray-")  # short: paths of sockets are bounded
        port, dashboard_port = free_ports(2)
        machine = cls(
            folder, f"{_HOST}:{port}", f"http://{_HOST}:{dashboard_port}", secrets.token_hex(32)
        )
        (Path(folder) / "token").touch(0o600)
        (Path(folder) / "token").write_text(machine.token)
        options = [
            "--head", f"--port={port}", f"--dashboard-port={dashboard_port}",
            f"--dashboard-host={_HOST}",
        ]  # fmt: skip
        machine._start_node(options, cpus)
        return machine

    @classmethod
    def find(cls, file: Path) -> "Machine | None":
        """The machine that `save` wrote down, with the nodes of it that are still there."""
        try:
            facts = json.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            return None
        nodes = [Node(**node) for node in facts.pop("nodes")]
        machine = cls(**facts)
        # A process may have ended, and its number be another one's since.
        machine.nodes = [node for node in nodes if machine.folder in command_of(node.pid)]
        return machine if machine.nodes else None

    def save(self, file: Path) -> None:
        """Write down what is needed to come back, for this user only."""
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.touch(0o600)
        nodes = [{"name": node.name, "pid": node.pid} for node in self.nodes]
        new.write_text(json.dumps({**vars(self), "nodes": nodes}), "utf-8")
        new.replace(file)

    @property
    def dashboard(self) -> Dashboard:
        """For deploying, and asking how it goes."""
        return Dashboard(self.dashboard_url, self.token)

    @property
    def environment(self) -> dict[str, str]:
        """Variables for processes that join the cluster, or use it."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        return kept | {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(Path(self.folder) / "token"),
            "RAY_ADDRESS": self.address,
            # By default Ray's workers yield to everything else; ours answer people who wait.
            "RAY_worker_niceness": "0",
            # Seconds; the defaults are too short for a machine with much else to do.
            "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "240",
            "RAY_DASHBOARD_SUBPROCESS_MODULE_WAIT_READY_TIMEOUT": "120",
        }

    def add_node(self, cpus: float | None = None) -> Node:
        """Start one more node; raises as `start` does."""
        return self._start_node([f"--address={self.address}"], cpus)

    def drain(self, node: Node) -> None:
        """Let a node take nothing new, and the others take over what it has; it stays up.

        Raises:
            ClusterError: When the cluster refuses.
        """
        command = [
            "drain-node", f"--address={self.address}", f"--node-id={self.id_of(node)}",
            # The other reason that Ray knows is refused by a node that works.
            "--reason=DRAIN_NODE_REASON_PREEMPTION", "--reason-message=asked to",
            "--deadline-remaining-seconds=300",
        ]  # fmt: skip
        asked = subprocess.run(
            self._ray(command), env=self.environment, capture_output=True, text=True, check=False
        )
        if asked.returncode:
            raise ClusterError(f"{node.name} cannot be drained: {asked.stderr[-500:]}")

    def id_of(self, node: Node) -> str:
        """What the cluster calls a node of ours.

        Raises:
            ClusterError: When it is not there (any more).
        """
        for found in self.dashboard.nodes():
            if node.name in found["resources_total"]:
                return str(found["node_id"])
        raise ClusterError(f"{node.name} is not a node of the cluster now.")

    def end(self, node: Node, seconds: float = _STOP_S) -> None:
        """Stop a node: it finishes what it has begun, within half a minute or `seconds`."""
        pids = descendants(node.pid)
        terminate(pids[:1])
        if not wait_until_gone(pids[:1], seconds):
            kill(pids[:1])
        self._bury(node, pids)

    def lose(self, node: Node) -> None:
        """Kill a node and everything on it at once, as if its plug was pulled."""
        pids = descendants(node.pid)
        kill(pids)
        self._bury(node, pids)

    def stop(self) -> None:
        """End all nodes, the head last, and remove what they left."""
        seconds = _STOP_S
        with contextlib.suppress(ClusterError):
            self.dashboard.clear()
            seconds = _STOP_EMPTY_S  # Ray would wait half a minute for others to take over
        for node in reversed(self.nodes.copy()):
            self.end(node, seconds)
        until = time.monotonic() + 5
        while Path(self.folder).exists() and time.monotonic() < until:
            # Again, where something wrote its last words meanwhile.
            shutil.rmtree(self.folder, ignore_errors=True)

    def _bury(self, node: Node, pids: list[int]) -> None:
        wait_until_gone(pids, 5)
        kill(pids)
        wait_until_gone(pids, 5)
        if node.process:
            node.process.wait()
        self.nodes.remove(node)

    def _start_node(self, options: list[str], cpus: float | None) -> Node:
        before = sum(1 for _ in Path(self.folder).glob("node-*"))
        name = f"node-{before + 1}"  # a name that no lost node had
        folder = Path(self.folder) / name
        folder.mkdir()
        agent, agent_rpc, client, metrics, environments = free_ports(5)
        command = [
            "start", *options, "--block", f"--node-ip-address={_HOST}", f"--temp-dir={folder}",
            f"--resources={json.dumps({name: 1})}", "--disable-usage-stats",
            f"--object-store-memory={_OBJECT_STORE_BYTES}", "--log-style=record",
            # Otherwise they are the same for every Ray on this machine.
            f"--dashboard-agent-listen-port={agent}", f"--dashboard-agent-grpc-port={agent_rpc}",
            f"--ray-client-server-port={client}", f"--metrics-export-port={metrics}",
            f"--runtime-env-agent-port={environments}",
            "--include-log-monitor=false",
            *([] if cpus is None else [f"--num-cpus={cpus:g}"]),
        ]  # fmt: skip
        log = folder / "start.log"
        until = time.monotonic() + _START_S
        while time.monotonic() < until:
            # Ray itself gives up after 30 s, which a busy machine may need longer than.
            node = self._run_node(name, command, log)
            if self._is_up(node, until):
                return node
            self.end(node)
        told = log.read_text("utf-8", "replace")[-1500:]
        if not self.nodes:
            self.stop()
        raise ClusterError(f"{name} did not start within {_START_S:g} s. Its last words: {told}")

    def _run_node(self, name: str, command: list[str], log: Path) -> Node:
        with log.open("w") as output:
            process = subprocess.Popen(
                self._ray(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=self.environment, cwd=log.parent, start_new_session=True,
            )  # fmt: skip
        node = Node(name, process.pid, process)
        self.nodes.append(node)
        return node

    def _is_up(self, node: Node, until: float) -> bool:
        """Wait until a node is one of the cluster's; whether it became that."""
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
