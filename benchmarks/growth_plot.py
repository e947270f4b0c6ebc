"""The picture in docs/scale.md: where each part is full, and what growing costs."""

from pathlib import Path

import matplotlib as mpl
from growth_model import rounded
from growth_plan import BUILT, CHOSEN, EDGE, GPU, PACKED, RATES, Assumed, Measured, Plan, limits
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDE = (10, 10**7)
COLOURS = {BUILT: "#b4513b", PACKED: "#c9962f", EDGE: "#2f7d6d", GPU: "#54478c"}


def draw(measured: Measured, assumed: Assumed, path: Path) -> None:
    """Save the picture as SVG, the same bytes for the same numbers."""
    figure = Figure(figsize=(11, 4.4), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2)
    draw_limits(left, measured, assumed)
    draw_money(right, measured, assumed)
    with mpl.rc_context({"svg.hashsalt": "detectlab", "svg.fonttype": "path"}):
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def draw_limits(axes: Axes, measured: Measured, assumed: Assumed) -> None:
    found = limits(measured, assumed)
    for place, limit in enumerate(reversed(found)):
        axes.barh(place, limit.rate - WIDE[0], left=WIDE[0], color="#7c93a8", height=0.6)
        axes.text(limit.rate * 1.15, place, rounded(limit.rate), va="center", fontsize=9)
    axes.set_yticks(range(len(found)), [limit.part for limit in reversed(found)])
    style(axes, "As built: where each part is full")


def draw_money(axes: Axes, measured: Measured, assumed: Assumed) -> None:
    rates = [10 ** (1 + step / 50) for step in range(301)]
    for design, colour in COLOURS.items():
        plans = [Plan(rate, design, measured, assumed) for rate in rates]
        money = [plan.money_a_million for plan in plans]
        wide = 5 if design == BUILT else 1.5  # others may lie on it
        axes.plot(rates, money, color=colour, linewidth=wide, label=design.name)
    for rate, design in CHOSEN.items():
        plan = Plan(rate, design, measured, assumed)
        axes.plot(rate, plan.money_a_million, "o", color=COLOURS[design])
        axes.annotate(
            f"{rounded(plan.nodes)} nodes",
            (rate, plan.money_a_million),
            textcoords="offset points",
            xytext=(6, 8),
            fontsize=9,
        )
    axes.set(yscale="log", ylabel="money for a million pictures")
    axes.legend(frameon=False, loc="upper right")
    style(axes, "What a million pictures cost, in four designs")


def style(axes: Axes, title: str) -> None:
    axes.set(xscale="log", xlim=WIDE, xlabel="pictures a second", title=title)
    for rate in RATES:
        axes.axvline(rate, color="#999999", linewidth=0.8, linestyle=":", zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
