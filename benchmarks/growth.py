"""Requests a second for 1, 2, 4 and 8 replicas on two nodes, and what a request costs beside.

    make bench-scale
    python benchmarks/growth.py [--seconds 10] [--repeats 3] [--out FILE]

The detector sleeps half a second for each picture and uses no processor, so that two cores can show
what eight replicas would do. Fails when they give less than 0.9 of what they should, beside one.
Everything runs in a network of its own where the system allows that.
"""

import argparse
import asyncio
import functools
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import psutil
import ray
from alone import MARK, enter_own_network
from constant import SLEEP_S
from machine import describe_machine

from detectlab.cluster.config_files import serve_config
from detectlab.cluster.local_nodes import Machine
from detectlab.cluster.settings import ClusterSettings

HERE = Path(__file__).resolve().parent
PICTURES = [path.read_bytes() for path in sorted((HERE.parent / "images").glob("*.jpg"))]
REPLICAS = (1, 2, 4, 8)
LIMIT = 0.9
JSON = {"Accept": "application/json"}


@functools.cache
def port() -> int:
    """One for this run alone."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def settings(detector: str, replicas: int) -> ClusterSettings:
    version = {
        "model": "nano",
        "made_by": f"constant:{detector}",
        "cpus": 0.1,
        "at_once": 4,
        "queue_size": 100,  # one is answered, and the others wait for it there
        "min_replicas": replicas,
        "max_replicas": replicas,
        "check_every_s": 60,
    }
    gateway = {"replicas": 2, "cpus": 0.1}
    return ClusterSettings(detectors={detector: version}, gateway=gateway, port=port())


def deploy(machine: Machine, wanted: ClusterSettings) -> None:
    machine.dashboard.deploy(serve_config(wanted))
    machine.dashboard.wait_until_running({*wanted.detectors, "gateway"}, 120)
    (replicas,) = (one.max_replicas for one in wanted.detectors.values())
    until = time.monotonic() + 120
    while True:
        found = machine.dashboard.applications()
        states = [one.state for name in wanted.detectors for one in found[name].replicas]
        if states == ["RUNNING"] * replicas:
            return
        assert time.monotonic() < until, f"replicas of {', '.join(wanted.detectors)}: {states}"
        time.sleep(0.2)


async def ask(clients: int, seconds: float) -> list[tuple[float, float]]:
    """So many clients ask so long: when each answer came, and what it took, in seconds."""
    answers = []
    until = time.perf_counter() + seconds
    numbers = iter(range(1 << 30))

    async def client(session: aiohttp.ClientSession) -> None:
        while (started := time.perf_counter()) < until:
            form = aiohttp.FormData()
            form.add_field("file", PICTURES[next(numbers) % len(PICTURES)], filename="a.jpg")
            url = f"http://127.0.0.1:{port()}/predict"
            async with session.post(url, data=form, headers=JSON) as answer:
                assert answer.status == 200, (answer.status, await answer.text())
                await answer.read()
            ended = time.perf_counter()
            answers.append((ended, ended - started))

    connections = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connections) as session:
        await asyncio.gather(*(client(session) for _ in range(clients)))
    return answers


def rate(answers: list[tuple[float, float]]) -> float:
    """Answers a second, between the first and the last of them."""
    ended = sorted(end for end, _ in answers)
    return (len(ended) - 1) / (ended[-1] - ended[0])


def load(clients: int, seconds: float) -> list[tuple[float, float]]:
    return asyncio.run(ask(clients, seconds))


def roles(machine: Machine) -> dict[str, list[psutil.Process]]:
    """The cluster's processes, by what they are for."""
    found = defaultdict(list)
    for node in machine.nodes:
        root = psutil.Process(node.pid)
        for process in [root, *root.children(recursive=True)]:
            title = " ".join(process.cmdline())
            if title.startswith("ray::IDLE"):
                continue  # idle worker processes
            names = {
                ":Gateway": "gateway",
                ":Detector": "replica",
                "ray::ProxyActor": "proxy",
                "ray::ServeController": "controller",
                "ray::StoreHolder": "holder",
            }
            role = next((role for part, role in names.items() if part in title), "ray")
            found[role].append(process)
    return found


def spent_s(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def memory_mb(processes: list[psutil.Process]) -> float:
    """What ends with the processes: shared libraries are not counted."""
    return statistics.fmean(process.memory_full_info().uss / 1e6 for process in processes)


def measure_growth(machine: Machine, seconds: float, repeats: int) -> list[dict[str, Any]]:
    """Requests a second for each number of replicas, the median of `repeats` turns."""
    found: list[dict[str, Any]] = []
    for count in REPLICAS:
        deploy(machine, settings("sleeping", count))
        clients = 3 * count  # one is answered, one waits for it, and one is on its way
        load(clients, 2)
        rates = [rate(load(clients, seconds)) for _ in range(repeats)]
        one = {"replicas": count, "rate": statistics.median(rates), "of_sleep": 0.0}
        one["of_sleep"] = one["rate"] * SLEEP_S / count
        one["of_linear"] = one["rate"] / count / (found[0]["rate"] if found else one["rate"])
        rounded = {name: round(value, 3) for name, value in one.items()}
        found.append({**rounded, "rates": [round(value, 2) for value in rates]})
        print(
            f"{count} replicas: {one['rate']:5.2f}/s, {one['of_linear']:.2f} of linear", flush=True
        )
    return found


def measure_beside(seconds: float) -> dict[str, float]:
    """What one client waits for beyond the detector's sleep, in milliseconds."""
    beside_ms = [(took - SLEEP_S) * 1000 for _, took in load(1, seconds)]
    p50, p95 = np.percentile(beside_ms, [50, 95])
    return {"p50_ms": round(float(p50), 1), "p95_ms": round(float(p95), 1)}


def measure_ceiling(machine: Machine, seconds: float) -> dict[str, Any]:
    """How many requests go through when the detector takes no time, and what each part spends."""
    deploy(machine, settings("instant", 2))
    load(8, 3)
    of = roles(machine)
    before = {role: spent_s(processes) for role, processes in of.items()}
    started = time.perf_counter()
    answers = load(8, seconds)
    took = time.perf_counter() - started
    spent = {role: spent_s(processes) - before[role] for role, processes in of.items()}
    each_ms = {role: spent[role] / len(answers) * 1000 for role in ("proxy", "gateway", "replica")}
    a_second_ms = {
        role: spent[role] / took / len(of["gateway"]) * 1000 for role in ("controller", "holder")
    }
    decode_ms = json.loads((HERE / "results/picture_cost.json").read_text())["decode_ms"]
    on_a_node = sum(memory_mb([process]) for process in of["ray"] + of["proxy"]) / len(
        machine.nodes
    )
    parts = {
        "proxy_ms": each_ms["proxy"],
        "gateway_ms": each_ms["gateway"] - decode_ms,
        "replica_ms": each_ms["replica"],
        "replica_mb": memory_mb(of["replica"]),
        "gateway_mb": memory_mb(of["gateway"]),
        "node_mb": on_a_node,
        "controller_ms": a_second_ms["controller"],
        "holder_ms": a_second_ms["holder"],
    }
    ceiling = {
        "rate_here": round(rate(answers), 1),
        "rate_of_a_gateway": round(1000 / each_ms["gateway"], 1),
        "rate_of_a_proxy": round(1000 / each_ms["proxy"], 1),
        "spent_ms": {role: round(s / len(answers) * 1000, 2) for role, s in spent.items()},
    }
    return {
        "ceiling": ceiling,
        "parts": {name: round(value, 2) for name, value in parts.items()},
    }


@contextmanager
def two_nodes() -> Iterator[Machine]:
    """A cluster of two nodes, which claim eight processors each; what they run uses none."""
    os.environ["PYTHONPATH"] = str(HERE)  # where the nodes find the sleeping detector
    with tempfile.TemporaryDirectory() as home:
        os.environ["DETECTLAB_HOME"] = home  # without a plan that was left there
        machine = Machine.start(cpus=8)
        try:
            machine.add_node(cpus=8)
            yield machine
        finally:
            machine.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE / "results/growth.json")
    options = parser.parse_args()
    enter_own_network()
    described = {**describe_machine(), "ray": ray.__version__, "own_network": MARK in os.environ}
    with two_nodes() as machine:
        growth = measure_growth(machine, options.seconds, options.repeats)
        beside = measure_beside(options.seconds)
        ceiling = measure_ceiling(machine, options.seconds)
    passed = all(one["of_linear"] >= LIMIT for one in growth)
    used = {"sleep_s": SLEEP_S, "seconds": options.seconds, "repeats": options.repeats}
    result = {"passed": passed, **used, **described}
    result |= {"growth": growth, "beside_the_detector": beside, **ceiling}
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    shown = {name: result[name] for name in ("beside_the_detector", "ceiling", "parts")}
    print(json.dumps(shown, indent=2))
    print("passed" if passed else "FAILED", f"(at least {LIMIT:g} of linear is wanted)")
    return not passed


if __name__ == "__main__":
    sys.exit(main())
