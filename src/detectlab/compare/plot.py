"""Plot of accuracy over time; needs Matplotlib, which is part of the extra `lab`."""

from pathlib import Path
from typing import TYPE_CHECKING

from detectlab.compare.table import ComparisonTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE = 6  # largest over smallest time, from which the axis is logarithmic


class PlotError(RuntimeError):
    """Matplotlib is not installed."""


def save_plot(comparison: ComparisonTable, file: Path) -> None:
    """Write the plot as a picture file.

    Args:
        comparison: The result of `compare_detectors`.
        file: Its suffix chooses the format.

    Raises:
        PlotError: Matplotlib is not installed; the message says how to install it.
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


def draw_plot(comparison: ComparisonTable, axes: "Axes") -> None:
    """Draw each detector as a point: milliseconds a picture, and AP50 or agreement.

    The line through a point spans the middle 80 % of its times.

    Args:
        comparison: The result of `compare_detectors`.
        axes: Axes of Matplotlib, which are drawn on.
    """
    rows = sorted(comparison.rows, key=lambda row: row.ms)
    for place, row in enumerate(rows):
        low, middle, high = (row.percentile_ms(percent) for percent in (10, 50, 90))
        spread = [[middle - low], [high - middle]]
        axes.errorbar(middle, row.score, xerr=spread, fmt="o", capsize=3, markersize=7)
        above = (0, -18 if place % 2 else 9)  # alternately, so that neighbours stay legible
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
    """Make the time axis logarithmic, with plain numbers as labels."""
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
