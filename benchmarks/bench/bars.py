"""What has to be reached, and whether it was."""

import math
import operator
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

COURSE, NANO = "course", "detectlab nano"
OURS, EXACT, FAST = "detectlab opencv", "detectlab openvino", "detectlab openvino fast"
# LitServe as it comes, and with a process for each core.
LIT, LIT_FAST = "litserve opencv", "litserve openvino fast"
LIT_TUNED, LIT_FAST_TUNED = "litserve tuned opencv", "litserve tuned openvino fast"
# Name of ours -> name of the same engine without a server, and under LitServe.
RAW = {OURS: "opencv", EXACT: "openvino", FAST: "openvino fast"}
LITSERVE = {OURS: (LIT, LIT_TUNED), FAST: (LIT_FAST, LIT_FAST_TUNED)}


@dataclass(frozen=True)
class Bar:
    """One bar, and what was measured."""

    what: str
    value: float
    limit: float
    at_least: bool = True
    unit: str = "x"
    best: float | None = None  # what the bare pipeline reaches, where that says something

    @property
    def passed(self) -> bool:
        compare: Callable[[float, float], bool] = operator.ge if self.at_least else operator.le
        return compare(self.value, self.limit)

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "value": round(self.value, 3),
            "limit": self.limit,
            "at_least": self.at_least,
            "unit": self.unit,
            "passed": self.passed,
            "best": None if self.best is None else round(self.best, 3),
        }


def bars(found: dict[str, Any]) -> list[Bar]:
    """Every bar that what was found has an answer to."""
    return [*_against_others(found), *_against_the_limit(found), *_alone(found)]


def median_of(
    compare: Callable[[float, float], float], ours: dict[str, Any], theirs: dict[str, Any]
) -> float:
    """Compare two measurements round by round, and take the median."""
    pairs = zip(ours["rounds"], theirs["rounds"], strict=True)
    # A server that gave no answer at all in a round: any other is this many times as fast.
    return statistics.median(compare(one, other) if other else math.inf for one, other in pairs)


def ratio(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """How many times as much, as the median of the rounds."""
    return median_of(operator.truediv, ours, theirs)


def _against_others(found: dict[str, Any]) -> Iterator[Bar]:
    servers = found["servers"]
    if COURSE in servers:
        # OpenVINO's float32 is as exact, and what `auto` takes where it is installed.
        exact = EXACT if EXACT in servers else OURS
        for clients in ("1", "8"):
            base = servers[COURSE][clients]["rate"]
            for name, limit in ((exact, 2.8), (FAST, 4.5)):
                if name in servers:
                    what = "requests/s against the course's server"
                    yield Bar(
                        f"{what}, {_clients(clients)}, {RAW[name]}",
                        ratio(servers[name][clients]["rate"], base),
                        limit,
                        best=_best(found, name, clients, base),
                    )
    for ours, (plain, tuned) in LITSERVE.items():
        for theirs, how in ((plain, "as it comes"), (tuned, "a process a core")):
            if ours in servers and theirs in servers:
                base = servers[theirs]["8"]["rate"]
                yield Bar(
                    f"requests/s against LitServe ({how}), 8 clients, {RAW[ours]}",
                    ratio(servers[ours]["8"]["rate"], base),
                    1.2,
                    best=_best(found, ours, "8", base),
                )


def _best(found: dict[str, Any], ours: str, clients: str, theirs: dict[str, Any]) -> float | None:
    """How many times as much as others the bare pipeline does, with our engine."""
    raw = found["raw"].get(RAW[ours])
    return ratio(raw[clients]["rate"], theirs) if raw else None


def _against_the_limit(found: dict[str, Any]) -> Iterator[Bar]:
    for ours, raw_name in RAW.items():
        if ours not in found["servers"] or raw_name not in found["raw"]:
            continue
        server, raw = found["servers"][ours], found["raw"][raw_name]
        yield Bar(
            f"requests/s against the bare pipeline, 8 clients, {raw_name}",
            ratio(server["8"]["rate"], raw["8"]["rate"]),
            0.90,
        )
        above = median_of(operator.sub, server["1"]["p50_ms"], raw["1"]["p50_ms"])
        yield Bar(f"p50 of one client above the bare pipeline, {raw_name}", above, 3.0, False, "ms")
        at_8 = server["8"]
        yield Bar(
            f"p99 against p50, 8 clients, {raw_name}",
            ratio(at_8["p99_ms"], at_8["p50_ms"]),
            2.0,
            at_least=False,
        )


def _alone(found: dict[str, Any]) -> Iterator[Bar]:
    servers = found["servers"]
    yield Bar(
        "start of `serve` to the first right answer of nano",
        found["start_s"]["median"],
        1.5,
        False,
        "s",
    )
    yield Bar(
        f"resident memory after {found['settings']['memory_requests']:,} requests of nano",
        found["memory_mb"]["after_requests"],
        200,
        False,
        "MB",
    )
    if OURS in servers:
        yield Bar(
            "requests/s of nano against yolov3-tiny, 8 clients, opencv",
            ratio(servers[NANO]["8"]["rate"], servers[OURS]["8"]["rate"]),
            2.0,
        )
    for model, agreed in found["agreement"].items():
        if agreed["objects"]:
            what = f"objects of {model} that fast finds again, {agreed['photographs']} photographs"
            yield Bar(what, 100 * agreed["again"] / agreed["objects"], 99.0, unit="%")


def _clients(count: str) -> str:
    return "1 client" if count == "1" else f"{count} clients"
