"""Plot of accuracy over time; needs Matplotlib, which is part of the extra `lab`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detectlab.compare.table import ComparisonTable, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.typing import ColorType

# Of a name from its point, the nearest first.
_LABEL_OFFSETS_PT = [sign * distance for distance in range(12, 90, 3) for sign in (1, -1)]
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
    colours = []
    for row in rows:
        low, middle, high = (row.percentile_ms(percent) for percent in (10, 50, 90))
        spread = [[middle - low], [high - middle]]
        drawn = axes.errorbar(middle, row.score, xerr=spread, fmt="o", capsize=3, markersize=7)
        colours.append(drawn.lines[0].get_color())
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
    _write_names(axes, rows, colours)


def _write_names(axes: "Axes", rows: Sequence[Row], colours: Sequence["ColorType"]) -> None:
    """Write each name above or below its point, at the nearest place that is free."""
    from matplotlib.transforms import Bbox

    figure = axes.get_figure(root=True)
    if figure is not None:
        figure.draw_without_rendering()  # a layout may still move the axes
    taken = []  # by a point and its line, then by names
    for row in rows:
        ends = [(row.percentile_ms(percent), row.score) for percent in (10, 90)]
        taken.append(Bbox(axes.transData.transform(ends)).padded(6))
    for row, colour in zip(rows, colours, strict=True):
        name = axes.annotate(
            row.name,
            (row.ms, row.score),
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            color=colour,
        )
        for offset in _LABEL_OFFSETS_PT:
            name.set_position((0, offset))
            place = name.get_window_extent()
            if not any(place.overlaps(other) for other in taken):
                break
        taken.append(place)


def _use_logarithm(axes: "Axes") -> None:
    """Make the time axis logarithmic, with plain numbers as labels."""
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
