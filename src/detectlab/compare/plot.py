"""Time against what was found, as a plot; needs Matplotlib, which comes with the lab."""

from pathlib import Path
from typing import TYPE_CHECKING

from detectlab.compare.table import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE = 6  # largest over smallest time, from which the axis is logarithmic


class PlotError(RuntimeError):
    """There is nothing to plot with."""


def save_plot(comparison: Comparison, file: Path) -> None:
    """Write the plot as a picture, in the format that the file's name ends in.

    Raises:
        PlotError: Matplotlib is not installed; the message says how to get it.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise PlotError(
            "the plot needs Matplotlib: pip install 'detectlab[lab]', or pip install matplotlib."
        ) from None
    figure = Figure(figsize=(7, 4.2), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    draw_plot(comparison, figure.add_subplot())
    figure.savefig(file)


def draw_plot(comparison: Comparison, axes: "Axes") -> None:
    """Draw each detector as a point: the time of a picture, and AP50 or agreement.

    The line through a point reaches over the middle 80 % of its times.

    Args:
        comparison: What was compared.
        axes: Of Matplotlib.
    """
    rows = sorted(comparison.rows, key=lambda row: row.ms)
    for place, row in enumerate(rows):
        low, middle, high = (row.percentile_ms(percent) for percent in (10, 50, 90))
        spread = [[middle - low], [high - middle]]
        axes.errorbar(middle, row.score, xerr=spread, fmt="o", capsize=3, markersize=7)
        above = (0, -18 if place % 2 else 9)  # by turns, so that neighbours stay legible
        axes.annotate(
            row.name, (middle, row.score), xytext=above, textcoords="offset points", ha="center"
        )
    if rows[-1].ms > _WIDE * rows[0].ms:
        _use_logarithm(axes)
        axes.margins(x=0.15)
    else:
        axes.set_xlim(0, 1.15 * max(row.percentile_ms(90) for row in rows))
    axes.set_ylim(-0.08, 1.12)
    measure = "AP50" if comparison.reference is None else f"agreement with {comparison.reference}"
    axes.set(xlabel="milliseconds a picture", ylabel=measure)
    axes.set_title(comparison.title, fontsize=9)
    axes.grid(alpha=0.3)


def _use_logarithm(axes: "Axes") -> None:
    """Times on a logarithmic axis, written as plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
