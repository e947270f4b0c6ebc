"""How many nodes, gateways, detectors and clusters a number of pictures a second needs."""

import json
import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
INLINE_BYTES = 100_000  # what is larger, Ray sends through the nodes' object stores
STORE_SHARE = 0.3  # of a node's memory, which Ray gives to its object store
RATES = (100, 10_000, 1_000_000)
HOURS_A_MONTH = 365.25 / 12 * 24


def option(default: float, meaning: str) -> Any:
    return field(default=default, metadata={"help": meaning})


@dataclass(frozen=True)
class Assumed:
    """What was not measured here. The prices are round figures to compute with, not quotes."""

    core_hour: float = option(0.04, "price of a core with its memory for an hour")
    gpu_hour: float = option(2.0, "price of a GPU for an hour")
    gb_out: float = option(0.05, "price of a gigabyte that leaves the data centre")
    node_cores: float = option(16, "cores of a node")
    node_gb: float = option(64, "memory of a node, in GB")
    node_gbit: float = option(10, "network of a node, in Gbit/s each way")
    entrance_gbit: float = option(100, "network of a region's load balancer, in Gbit/s")
    busy: float = option(0.6, "share of its capacity that a part is used at the peak")
    zones: float = option(3, "zones; one of them may be lost at the peak")
    mean_load: float = option(0.5, "mean load as a share of the peak")
    seconds_inside: float = option(0.5, "time that a picture is inside the cluster, in s")
    gpu_pictures: float = option(2000, "pictures a second that a GPU detects in batches")
    cluster_nodes: float = option(250, "nodes in a cluster: as far as Ray's makers test it")
    cluster_actors: float = option(10_000, "processes in a cluster, likewise")


@dataclass(frozen=True)
class Measured:
    """What benchmarks/results says: processor time in ms, sizes in bytes, memory in MB."""

    picture_bytes: float
    pixel_bytes: float
    small_picture_bytes: float
    answer_bytes: float
    weights_bytes: float
    decode_ms: float
    decode_small_ms: float
    detect_ms: float
    http_ms: float  # of one server, for a request with one picture, without decoding it
    batched_http_ms: float  # of the same, for each picture in a batch of small ones
    proxy_ms: float  # of a node's proxy, for a request
    gateway_ms: float  # of a gateway replica, for a request with one picture, without decoding
    replica_ms: float  # of a detector's replica, for a request, without decoding and detecting
    replica_mb: float
    gateway_mb: float
    node_mb: float  # what Ray itself takes on every node, with the proxy
    controller_ms: float  # of Serve's controller in a second, for each gateway replica
    holder_ms: float  # of who holds the rollout's plan in a second, for each gateway replica

    @classmethod
    def read(cls, folder: Path = RESULTS) -> "Measured":
        """Raises FileNotFoundError or KeyError when a result is missing."""
        found = json.loads((folder / "picture_cost.json").read_text())
        found |= json.loads((folder / "growth.json").read_text())["parts"]
        return cls(**{item.name: found[item.name] for item in fields(cls)})


@dataclass(frozen=True)
class Design:
    """How a picture travels."""

    name: str
    packed: bool = False  # the gateway sends the file on, and the detector's replica unpacks it
    edge: bool = False  # clients send batches of pictures as small as the detector sees them anyhow
    gpu: bool = False


BUILT = Design("as built")
PACKED = Design("still packed", packed=True)
EDGE = Design("small, in batches", packed=True, edge=True)
GPU = Design("small, in batches, GPUs", packed=True, edge=True, gpu=True)
CHOSEN = dict(zip(RATES, (BUILT, PACKED, EDGE), strict=True))


class Plan:
    """What `rate` pictures a second need at the peak, in a design."""

    def __init__(self, rate: float, design: Design, m: Measured, a: Assumed) -> None:
        self.rate, self.design, self.m, self.a = rate, design, m, a
        decode_ms = m.decode_small_ms if design.edge else m.decode_ms
        share = m.batched_http_ms / m.http_ms if design.edge else 1.0
        detecting_ms = 0.0 if design.gpu else m.detect_ms
        at_gateway_ms, at_detector_ms = (0.0, decode_ms) if design.packed else (decode_ms, 0.0)
        self.picture_bytes = m.small_picture_bytes if design.edge else m.picture_bytes
        self.hop_bytes = self.picture_bytes if design.packed else m.pixel_bytes
        # Seconds of one core for one picture, at each stop of its way.
        self.proxy_s = m.proxy_ms * share / 1000
        self.gateway_s = (m.gateway_ms * share + at_gateway_ms) / 1000
        self.detector_s = (m.replica_ms * share + at_detector_ms + detecting_ms) / 1000

    def needed(self, load: float) -> int:
        """How many things, of which one would be full with 1.0, such a load needs."""
        return max(1, math.ceil(load / self.a.busy))

    @property
    def gateways(self) -> int:
        return max(2, self.needed(self.rate * self.gateway_s))

    @property
    def detectors(self) -> int:
        return self.needed(self.rate * self.detector_s)

    @property
    def gpus(self) -> int:
        return self.needed(self.rate / self.a.gpu_pictures) if self.design.gpu else 0

    @property
    def replicas_gb(self) -> float:
        return (self.gateways * self.m.gateway_mb + self.detectors * self.m.replica_mb) / 1000

    @property
    def reasons(self) -> dict[str, int]:
        """How many nodes each part would ask for, before any are added for the loss of a zone."""
        cores = self.rate * (self.gateway_s + self.detector_s + self.proxy_s)
        wire_gbit = self.rate * (self.picture_bytes + self.hop_bytes) * 8e-9
        return {
            "cores": self.needed(cores / self.a.node_cores),
            "network": self.needed(wire_gbit / self.a.node_gbit),
            "proxies": self.needed(self.rate * self.proxy_s),  # there is one on each node
            "memory": self.needed(self.replicas_gb / (self.a.node_gb - self.m.node_mb / 1000)),
        }

    @property
    def nodes(self) -> int:
        """Enough for all of that when one zone is lost."""
        zones = round(self.a.zones)
        return zones * math.ceil(max(self.reasons.values()) / (zones - 1))

    @property
    def memory_gb(self) -> float:
        return self.replicas_gb + self.nodes * self.m.node_mb / 1000

    @property
    def stored_gb(self) -> float:
        """Pictures that lie in object stores at one moment."""
        stored = self.hop_bytes if self.hop_bytes > INLINE_BYTES else 0
        return self.rate * self.a.seconds_inside * stored / 1e9

    @property
    def clusters(self) -> int:
        """No larger than Ray is tested, and than those whom every gateway asks can answer."""
        processes = self.gateways + self.detectors + self.nodes
        asked_ms = self.gateways * max(self.m.controller_ms, self.m.holder_ms)
        return max(
            math.ceil(self.nodes / self.a.cluster_nodes),
            math.ceil(processes / self.a.cluster_actors),
            self.needed(asked_ms / 1000),
        )

    @property
    def money_a_month(self) -> float:
        """Machines follow the load, but for one node in each zone."""
        zones = round(self.a.zones)
        nodes = max(zones, self.nodes * self.a.mean_load)
        an_hour = nodes * self.a.node_cores * self.a.core_hour
        an_hour += self.gpus * self.a.mean_load * self.a.gpu_hour
        gb_out = self.pictures_a_month * self.m.answer_bytes / 1e9
        return an_hour * HOURS_A_MONTH + gb_out * self.a.gb_out

    @property
    def pictures_a_month(self) -> float:
        return self.rate * self.a.mean_load * HOURS_A_MONTH * 3600

    @property
    def money_a_million(self) -> float:
        return self.money_a_month / self.pictures_a_month * 1e6


@dataclass(frozen=True)
class Limit:
    """A part of the cluster as it is built, and the pictures a second at which it is full."""

    part: str
    rate: float
    then: str


def limits(m: Measured, a: Assumed) -> list[Limit]:
    """Where the design as built gives way, the first one first."""
    one = Plan(1, BUILT, m, a)
    node_cores = a.node_cores / (one.gateway_s + one.detector_s + one.proxy_s)
    node_wire = a.node_gbit / 8e-9 / (one.picture_bytes + one.hop_bytes)
    node = min(node_cores, node_wire, 1 / one.proxy_s) * (a.zones - 1) / a.zones
    in_store = a.node_gb * STORE_SHARE / a.seconds_inside / one.hop_bytes * 1e9
    for_one_gateway = a.busy / one.gateway_s
    ceilings = (
        ("one detector replica", 1 / one.detector_s, "more replicas (autoscaling)"),
        ("one gateway replica", 1 / one.gateway_s, "more replicas"),
        ("one proxy", 1 / one.proxy_s, "one on each node, and a balancer in front"),
        ("a node's cores", node_cores, "more nodes"),
        ("a node's network", node_wire, "pictures stay packed up to the detector"),
        ("a node's object store", in_store, "the same: packed pictures do not need it"),
        (
            "Serve's controller, asked by every gateway",
            1000 / m.controller_ms * for_one_gateway,
            "fewer, larger gateways; gateways ask it less often; shards",
        ),
        (
            "the rollout's store, asked likewise",
            1000 / m.holder_ms * for_one_gateway,
            "a plan for each shard, changed one shard after the other",
        ),
        ("the nodes of one cluster", node * a.cluster_nodes, "shards: clusters by region"),
        (
            "a region's entrance",
            a.entrance_gbit / 8e-9 / one.picture_bytes,
            "clients make pictures small; several entrances",
        ),
    )
    found = [Limit(part, rate * a.busy, then) for part, rate, then in ceilings]
    return sorted(found, key=lambda limit: limit.rate)
