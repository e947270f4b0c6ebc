"""The measuring itself: everybody in turn, round after round, so that the machine's moods hit all.

Such moods last longer than a measurement, and change its outcome by half. So what is compared is
measured within the same minute, and the median of the rounds' ratios counts, not the ratio of
their medians.
"""

import json
import os
import random
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .contestants import BENCHMARKS, Contestant, Started, plain_environment, started
from .files import Files

LOAD = BENCHMARKS / "bench" / "load.py"
LOOPS = {1: 1, 8: os.cpu_count() or 1}  # clients -> loops of the bare pipeline beside them
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How long and how often.

    Attributes:
        repeats: Rounds.
        seconds: For each contestant and number of clients, in each round.
        warm_up_s: Before that; dropped.
        clients: How many at once.
    """

    repeats: int = 7
    seconds: float = 2.0
    warm_up_s: float = 0.5
    clients: tuple[int, ...] = (1, 2, 8, 32)


@dataclass(frozen=True)
class Bare:
    """The pipeline without a server.

    Attributes:
        model: The detector.
        engine: What runs it.
        precision: What it is computed in.
        as_json: Whether nothing is drawn and encoded.
    """

    model: str
    engine: str
    precision: str
    as_json: bool = False


@dataclass
class Series:
    """What one contestant did for one number of clients, a value for each round."""

    rate: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    clients_cpu_ms: list[float] = field(default_factory=list)
    server_cpu_ms: list[float] = field(default_factory=list)

    def add(self, found: dict[str, Any], server_cpu_s: float) -> None:
        ms = found["ms"] or [float("nan")]
        self.rate.append(len(found["ms"]) / found["seconds"])
        self.p50_ms.append(float(np.percentile(ms, 50)))
        self.p99_ms.append(float(np.percentile(ms, 99)))
        self.outcomes.update(found["outcomes"])
        self.clients_cpu_ms.append(found["cpu_ms"])
        self.server_cpu_ms.append(1000 * server_cpu_s / max(1, found["answers"]))

    def summary(self) -> dict[str, Any]:
        return {
            "rate": spread(self.rate),
            "p50_ms": spread(self.p50_ms),
            "p99_ms": spread(self.p99_ms),
            "outcomes": dict(self.outcomes),
            "server_cpu_ms": spread(self.server_cpu_ms),
            "clients_cpu_ms": round(statistics.median(self.clients_cpu_ms), 3),
        }


def spread(values: list[float]) -> dict[str, Any]:
    """Median, smallest, largest, and each value in the order of the rounds."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return {
        "median": round(middle, 3),
        "min": round(low, 3),
        "max": round(high, 3),
        "rounds": [round(value, 3) for value in values],
    }


def drive(server: Started, pictures: list[Path], *options: str) -> dict[str, Any]:
    """Load a server from another process; what `load.py` says."""
    found = subprocess.run(
        [sys.executable, str(LOAD), f"--url={server.url}/predict", *options, *map(str, pictures)],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return dict(json.loads(found.stdout))


def measure(
    contestants: list[Contestant],
    engines: Mapping[str, Bare],
    files: Files,
    plan: Plan,
    logs: Path,
    progress: Progress,
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Servers, and the bare pipeline beside them.

    Args:
        contestants: The servers.
        engines: Name -> bare pipeline: with one client there is one loop, with eight there are as
            many as cores.
        files: What they work with.
        plan: How long and how often.
        logs: Folder for the servers' logs.
        progress: Called with what is measured next.

    Returns:
        For each server and number of clients requests a second and latencies; for each engine and
        number of clients beside it loops, pictures a second, latency, and each stage's time.
    """
    mix = random.Random(0)
    by_name = {c.name: c for c in contestants}
    series = {c.name: {n: Series() for n in plan.clients} for c in contestants}
    raw: dict[str, dict[int, list[dict[str, Any]]]] = {name: {} for name in engines}
    with ExitStack() as stack:
        # All stand ready, and only one has work at a time: an idle server costs nothing.
        servers = {
            c.name: stack.enter_context(started(c, logs / f"{number}.log"))
            for number, c in enumerate(contestants)
        }
        for _ in range(plan.repeats):
            for clients in plan.clients:
                everybody = turns(servers=servers, engines=engines, loops=LOOPS.get(clients, 0))
                for name, loops in mix.sample(everybody, len(everybody)):
                    if loops:
                        progress(f"bare pipeline, {name}, {loops} at once")
                        runs = raw[name].setdefault(clients, [])
                        runs.append(_bare(engines[name], loops, files, plan))
                    else:
                        progress(f"{name}, {clients} clients")
                        series[name][clients].add(
                            *_served(by_name[name], servers[name], clients, files, plan)
                        )
    return (
        {
            name: {str(n): s.summary() for n, s in by_clients.items()}
            for name, by_clients in series.items()
        },
        {
            name: {str(n): {"loops": LOOPS[n], **_summarise_raw(found)} for n, found in by.items()}
            for name, by in raw.items()
        },
    )


def turns(*, servers: Iterable[str], engines: Iterable[str], loops: int) -> list[tuple[str, int]]:
    """Who is measured in a round: servers with 0 loops, and bare pipelines, which may share names.

    Args:
        servers: Names of the servers.
        engines: Names of the bare pipelines.
        loops: Of each bare pipeline; 0 for none of them.
    """
    bare = [(name, loops) for name in engines] if loops else []
    return [*((name, 0) for name in servers), *bare]


def _served(
    contestant: Contestant, server: Started, clients: int, files: Files, plan: Plan
) -> tuple[dict[str, Any], float]:
    """What `load.py` says, and the processor time that the server took."""
    before = server.cpu_s()
    found = drive(
        server,
        list(contestant.pictures or files.pictures),
        f"--clients={clients}",
        f"--accept={contestant.accept}",
        f"--seconds={plan.seconds}",
        f"--warm-up={plan.warm_up_s}",
    )
    return found, server.cpu_s() - before


def _bare(bare: Bare, loops: int, files: Files, plan: Plan) -> dict[str, Any]:
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "bench.raw",
            bare.model,
            *map(str, files.pictures),
            f"--engine={bare.engine}",
            f"--precision={bare.precision}",
            *(["--json"] if bare.as_json else []),
            f"--loops={loops}",
            f"--seconds={plan.seconds}",
            f"--warm-up={plan.warm_up_s}",
        ],
        env=plain_environment(DETECTLAB_HOME=str(files.home), DETECTLAB_OFFLINE="1"),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return dict(json.loads(run.stdout))


def _summarise_raw(found: list[dict[str, Any]]) -> dict[str, Any]:
    stages = {
        stage: round(statistics.median(run["stages_ms"][stage] for run in found), 3)
        for stage in found[0]["stages_ms"]
    }
    return {
        "rate": spread([run["rate"] for run in found]),
        "p50_ms": spread([statistics.median(run["ms"]) for run in found]),
        "cpu_ms": spread([run["cpu_ms"] for run in found]),
        "stages_ms": stages,
    }
