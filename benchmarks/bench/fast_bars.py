"""What engines and precisions have to reach, and whether they did."""

import operator
from collections.abc import Iterator
from typing import Any

from .bars import Bar, median_of, ratio

PARTS = {"1": "1 client", "8": "8 clients"}
# Whatever OpenVINO reaches without int8 on LitServe is what its users have today.
LIT, LIT_INT8 = "litserve openvino", "litserve int8"


def as_json(groups: dict[str, Any]) -> list[dict[str, Any]]:
    """Every bar of the groups that were measured."""
    bars = [
        *_nano(groups.get("nano")),
        *_around(groups.get("nano"), "pictures", 3.0),
        *_around(groups.get("json"), "JSON", 2.5),
        *_large(groups.get("large")),
        *_tiny(groups.get("tiny")),
        *_overload(groups.get("overload")),
        *_alone(groups.get("alone")),
    ]
    return [bar.as_json() for bar in bars]


def _nano(found: dict[str, Any] | None) -> Iterator[Bar]:
    if found is None:
        return
    servers, raw = found["servers"], found["raw"]
    for name, title, limits in (
        ("openvino", "as installed (float32)", {"1": 1.3, "8": 1.15}),
        ("int8", "fast (int8)", {"1": 1.9, "8": 1.7}),
    ):
        for clients, limit in limits.items():
            base = servers["opencv"][clients]["rate"]
            yield Bar(
                f"nano, {title} against OpenCV float32, {PARTS[clients]}",
                ratio(servers[name][clients]["rate"], base),
                limit,
                best=ratio(raw[name][clients]["rate"], raw["opencv"][clients]["rate"]),
            )
    fast = servers["int8"]["8"]["rate"]
    for other, limit in ((LIT, 1.5), (LIT_INT8, 1.15)):
        if other in servers:
            base = servers[other]["8"]["rate"]
            best = ratio(raw["int8"]["8"]["rate"], base)
            name = other.replace("litserve openvino", "LitServe in float32")
            name = name.replace("litserve int8", "LitServe with the same int8 file")
            yield Bar(f"nano, fast against {name}, 8 clients", ratio(fast, base), limit, best=best)
    for clients, limit in (("1", 0.80), ("8", 0.90)):
        value = ratio(servers["int8"][clients]["rate"], raw["int8"][clients]["rate"])
        yield Bar(f"nano, fast against the bare pipeline, {PARTS[clients]}", value, limit)


def _around(found: dict[str, Any] | None, what: str, limit_ms: float) -> Iterator[Bar]:
    """Processor time of a request beyond the bare pipeline's own."""
    for name in ("openvino", "int8") if found else ():
        for clients in PARTS:
            assert found is not None
            spent = {"rounds": found["servers"][name][clients]["server_cpu_ms"]["rounds"]}
            above = median_of(operator.sub, spent, found["raw"][name][clients]["cpu_ms"])
            title = f"processor time around the network, {what}, {name}, {PARTS[clients]}"
            yield Bar(title, above, limit_ms, at_least=False, unit="ms")


def _large(found: dict[str, Any] | None) -> Iterator[Bar]:
    for clients in PARTS if found else ():
        assert found is not None
        rates = [found["servers"][name][clients]["rate"] for name in ("scaled", "whole")]
        title = f"12 megapixels asked for JSON, against whole decoding, {PARTS[clients]}"
        yield Bar(title, ratio(*rates), 1.8)


def _tiny(found: dict[str, Any] | None) -> Iterator[Bar]:
    for clients in PARTS if found and found["servers"] else ():
        assert found is not None
        rates, bare = (
            [part[name][clients]["rate"] for name in ("int8", "openvino")]
            for part in (found["servers"], found["raw"])
        )
        title = f"yolov3-tiny's network, int8 against float32, {PARTS[clients]}"
        yield Bar(title, ratio(*rates), 2.5, best=ratio(*bare))


def _overload(found: dict[str, Any] | None) -> Iterator[Bar]:
    if found is None:
        return
    many, offered = found["many"], found["open"]
    refused = sum(n for outcome, n in many["outcomes"].items() if outcome != "200")
    yield Bar("refusals of 64 clients in closed loop", refused, 0, at_least=False, unit="")
    yield Bar("p99 of 64 clients in closed loop", many["p99_ms"] or 1e9, 5000, False, "ms")
    share = offered["goodput"] / found["capacity"]
    yield Bar("right answers at twice the capacity, against it", share, 0.95)
    if "503" in offered["ms"]:
        yield Bar(
            "p99 of a refusal at twice the capacity", offered["ms"]["503"][1], 50, False, "ms"
        )


def _alone(found: dict[str, Any] | None) -> Iterator[Bar]:
    """A process of its own, beside one that only loads the libraries and runs the network."""
    if found is None:
        return
    bare = found["libraries"]
    title = "start to the first right answer of nano, as installed, second start"
    yield Bar(title, found["start_s"]["median"], 1.0, False, "s", best=bare["start_s"])
    memory = found["memory_mb"]["after_requests"]
    title = "memory of nano after 1,000 requests of 8 clients"
    yield Bar(title, memory, 200, False, "MB", best=bare["memory_mb"])
