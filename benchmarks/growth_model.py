"""What it takes to answer 100, 10,000 or 1,000,000 pictures a second: docs/scale.md in numbers.

    python benchmarks/growth_model.py                        # the tables, as they stand in the doc
    python benchmarks/growth_model.py --core-hour 0.03       # with a price of your own
    python benchmarks/growth_model.py --write                # renew the doc and its picture

Measured figures come from benchmarks/results; everything else is an assumption, and an option.
"""

import argparse
import json
import math
import re
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from growth_plan import BUILT, CHOSEN, GPU, RATES, RESULTS, Assumed, Design, Measured, Plan, limits

ROOT = Path(__file__).resolve().parent.parent
DOC = ROOT / "docs" / "scale.md"
PICTURE = ROOT / "docs" / "scale.svg"


def rounded(value: float) -> str:
    """Two digits that count: more would pretend to know."""
    if value == int(value) and abs(value) < 100:
        return f"{int(value)}"
    digits = 1 - math.floor(math.log10(abs(value)))
    return f"{round(value, digits):,.{max(0, digits)}f}"


ROWS: dict[str, Callable[[Plan], float]] = {
    "nodes": lambda plan: plan.nodes,
    "detector replicas": lambda plan: plan.detectors,
    "gateway replicas": lambda plan: plan.gateways,
    "clusters": lambda plan: plan.clusters,
    "memory in use, GB": lambda plan: plan.memory_gb,
    "pictures coming in, Gbit/s": lambda plan: plan.rate * plan.picture_bytes * 8e-9,
    "from gateways to detectors, Gbit/s": lambda plan: plan.rate * plan.hop_bytes * 8e-9,
    "pictures in object stores, GB": lambda plan: plan.stored_gb,
    "answers going out, Gbit/s": lambda plan: plan.rate * plan.m.answer_bytes * 8e-9,
    "weights that a new version sends to nodes, GB": (
        lambda plan: plan.nodes * plan.m.weights_bytes / 1e9
    ),
    "money a month": lambda plan: plan.money_a_month,
    "money for a million pictures": lambda plan: plan.money_a_million,
}


def needs_table(m: Measured, a: Assumed) -> str:
    """What each rate needs, in the design that is meant for it and in others."""

    def row(name: str, designs: list[Design]) -> str:
        plans = [Plan(rate, design, m, a) for rate, design in zip(RATES, designs, strict=True)]
        return " | ".join(rounded(ROWS[name](plan)) for plan in plans)

    chosen = list(CHOSEN.values())
    lines = [
        f"| pictures a second | {' | '.join(f'{rate:,}' for rate in RATES)} |",
        "|---|--:|--:|--:|",
        f"| design | {' | '.join(design.name for design in chosen)} |",
        *(f"| {name} | {row(name, chosen)} |" for name in ROWS),
    ]
    for design in (BUILT, GPU):
        lines += [
            f"| *{design.name}:* {name} | {row(name, [design] * 3)} |"
            for name in ("nodes", "money for a million pictures")
        ]
    return "\n".join(lines)


def limits_table(m: Measured, a: Assumed) -> str:
    lines = ["| full at, pictures a second | what is full | what is changed |", "|--:|---|---|"]
    lines += [f"| {rounded(one.rate)} | {one.part} | {one.then} |" for one in limits(m, a)]
    return "\n".join(lines)


PARTS = {
    "decode_ms": "unpacking it, ms",
    "detect_ms": "detecting with `nano` on one core, ms",
    "proxy_ms": "a node's proxy, ms",
    "gateway_ms": "a gateway, beside unpacking, ms",
    "replica_ms": "a detector's replica, beside detecting, ms",
    "http_ms": "*for comparison:* HTTP on one machine, without a cluster, ms",
    "batched_http_ms": "*the same,* for a picture in a batch of small ones, ms",
    "picture_bytes": "its file, bytes",
    "pixel_bytes": "its pixels, bytes",
    "small_picture_bytes": "its file when made as small as `nano` looks at it, bytes",
    "answer_bytes": "its answer in JSON, bytes",
    "replica_mb": "memory of a detector's replica, MB",
    "gateway_mb": "memory of a gateway, MB",
    "node_mb": "memory of Ray on each node, with the proxy, MB",
    "controller_ms": "Serve's controller in a second, for each gateway, ms",
    "holder_ms": "the rollout's store in a second, for each gateway, ms",
}


def measured_table(m: Measured) -> str:
    lines = ["| measured | |", "|---|--:|"]
    lines += [f"| {meaning} | {rounded(getattr(m, name))} |" for name, meaning in PARTS.items()]
    return "\n".join(lines)


def growth_table(result: dict[str, Any]) -> str:
    """What `growth.py` saw."""
    lines = ["| replicas | requests a second | of linear |", "|--:|--:|--:|"]
    lines += [
        f"| {one['replicas']} | {one['rate']:.1f} | {one['of_linear']:.2f} |"
        for one in result["growth"]
    ]
    beside, ceiling = result["beside_the_detector"], result["ceiling"]
    verdict = "as it should be" if result["passed"] else "**not what it should be:** at least 0.9"
    lines += [
        "",
        f"That is {verdict}. (Asleep for {result['sleep_s']:g} s; {result['date']}, on "
        f"{result['cpu_count']} cores, which had {result['other_load']:g} other processes to run.)",
        "",
        f"One client alone waits {rounded(beside['p50_ms'])} ms beyond the detector's own time. Of "
        f"processor time, a gateway's core is full at {rounded(ceiling['rate_of_a_gateway'])} "
        f"requests a second, a proxy's at {rounded(ceiling['rate_of_a_proxy'])}; this whole "
        f"cluster, clients included, came to {rounded(ceiling['rate_here'])}.",
    ]
    return "\n".join(lines)


def assumed_table(a: Assumed) -> str:
    lines = ["| assumed | | option |", "|---|--:|---|"]
    for item in fields(a):
        flag = f"`--{item.name.replace('_', '-')}`"
        lines.append(f"| {item.metadata['help']} | {getattr(a, item.name):,g} | {flag} |")
    return "\n".join(lines)


def tables(m: Measured, a: Assumed) -> dict[str, str]:
    """The doc's tables in Markdown, by the name between their markers."""
    return {
        "growth": growth_table(json.loads((RESULTS / "growth.json").read_text())),
        "measured": measured_table(m),
        "needs": needs_table(m, a),
        "limits": limits_table(m, a),
        "assumed": assumed_table(a),
    }


def between(text: str, name: str) -> re.Match[str]:
    """The place of a table in the doc."""
    found = re.search(rf"(?<=<!-- {name} -->\n)(.*?)(?=<!-- end -->)", text, re.DOTALL)
    if found is None:
        raise ValueError(f"`{DOC.name}` has no place marked with <!-- {name} --> and <!-- end -->.")
    return found


def write(made: dict[str, str]) -> None:
    """Put the tables between their markers."""
    text = DOC.read_text("utf-8")
    for name, table in made.items():
        place = between(text, name)
        text = f"{text[: place.start()]}\n{table}\n\n{text[place.end() :]}"
    DOC.write_text(text, "utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="renew docs/scale.md and its picture")
    for item in fields(Assumed):
        name, meaning = f"--{item.name.replace('_', '-')}", item.metadata["help"]
        parser.add_argument(name, type=float, default=item.default, help=f"{meaning} [%(default)s]")
    options = vars(parser.parse_args(arguments))
    renew = options.pop("write")
    measured, assumed = Measured.read(), Assumed(**options)
    made = tables(measured, assumed)
    print("\n\n".join(made.values()))
    if renew:
        from growth_plot import draw

        write(made)
        draw(measured, assumed, PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
