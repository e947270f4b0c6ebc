"""Arguments of Ray's own command line."""

import json
from collections.abc import Sequence
from pathlib import Path

from detectlab.cluster.processes import free_ports

HOST = "127.0.0.1"
_OBJECT_STORE_BYTES = 256 << 20  # of each node, for pictures in transit


def head_options(port: int, dashboard_port: int) -> list[str]:
    """Options of `start` for the first node.

    Args:
        port: Port at which nodes join.
        dashboard_port: Port of the dashboard.
    """
    return [
        "--head",
        f"--port={port}",
        f"--dashboard-port={dashboard_port}",
        f"--dashboard-host={HOST}",
    ]


def start_arguments(
    name: str, folder: Path, options: Sequence[str], cpus: float | None
) -> list[str]:
    """What starts a node, with ports of its own.

    Args:
        name: Its name, a resource that no other node has.
        folder: Folder of its files.
        options: `head_options`, or the address of the cluster that it joins.
        cpus: Processors that it claims; by default all.
    """
    agent, agent_rpc, client, metrics, environments = free_ports(5)
    return [
        "start",
        *options,
        "--block",
        f"--node-ip-address={HOST}",
        f"--temp-dir={folder}",
        f"--resources={json.dumps({name: 1})}",
        "--disable-usage-stats",
        f"--object-store-memory={_OBJECT_STORE_BYTES}",
        "--log-style=record",
        # Their defaults are the same for every Ray on this machine.
        f"--dashboard-agent-listen-port={agent}",
        f"--dashboard-agent-grpc-port={agent_rpc}",
        f"--ray-client-server-port={client}",
        f"--metrics-export-port={metrics}",
        f"--runtime-env-agent-port={environments}",
        "--include-log-monitor=false",
        *([] if cpus is None else [f"--num-cpus={cpus:g}"]),
    ]


def drain_arguments(address: str, node_id: str) -> list[str]:
    """What drains a node.

    Args:
        address: Address of its cluster.
        node_id: Its id in the cluster.
    """
    return [
        "drain-node",
        f"--address={address}",
        f"--node-id={node_id}",
        # A node with running work refuses the only other reason that Ray knows.
        "--reason=DRAIN_NODE_REASON_PREEMPTION",
        "--reason-message=requested",
        "--deadline-remaining-seconds=300",
    ]
