"""The page of monitoring: no scripts, nothing loaded from elsewhere, readable on a phone."""

from typing import Any

from detectlab.serving.html_pages import load_template, page_headers

HEADERS = {**page_headers("form-action 'none'"), "Cache-Control": "no-store"}
FORM_HEADERS = {**page_headers("form-action 'self'"), "Cache-Control": "no-store"}
# Of the plots, in units of their own.
_CHART = {"width": 340, "height": 130, "left": 8, "right": 8, "top": 8, "bottom": 24}


def render(report: dict[str, Any]) -> str:
    """The page of a report."""
    template = load_template("detectlab.monitoring", "monitoring.html")
    return template.render(report, here="monitoring", up="", chart=_CHART, bars=_bars, line=_line)


def render_form(model: str, *, has_key: bool, problem: str) -> str:
    """The page that freezes a baseline.

    Args:
        model: The detector.
        has_key: Whether operators have the server's key, instead of a token of their own.
        problem: Why the last attempt was refused, or nothing.
    """
    template = load_template("detectlab.monitoring", "freeze.html")
    return template.render(model=model, has_key=has_key, problem=problem, here="freeze", up="../")


def _bars(histogram: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The bars of a histogram, with their positions: the baseline's beside those of now."""
    width = _CHART["width"] - _CHART["left"] - _CHART["right"]
    height = _CHART["height"] - _CHART["top"] - _CHART["bottom"]
    tallest = max((max(bar["baseline"], bar["now"]) for bar in histogram), default=0) or 1
    step = width / max(1, len(histogram))
    return [
        {
            "label": bar["label"],
            "x": round(_CHART["left"] + step * index + (step * 0.42 if key == "now" else 0), 2),
            "y": round(_CHART["top"] + height * (1 - bar[key] / tallest), 2),
            "width": round(step * 0.42, 2),
            "height": round(height * bar[key] / tallest, 2),
            "key": key,
            "share": bar[key],
        }
        for index, bar in enumerate(histogram)
        for key in ("baseline", "now")
    ]


def _line(timeline: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The points of a statistic over time, with their positions; `""` is the empty share."""
    values = [moment["medians"][name] if name else moment["empty_share"] for moment in timeline]
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return []
    low, high = min(known), max(known)
    width = _CHART["width"] - _CHART["left"] - _CHART["right"]
    height = _CHART["height"] - _CHART["top"] - _CHART["bottom"]
    step = width / (len(values) - 1)
    return [
        {
            "x": round(_CHART["left"] + step * index, 1),
            "y": round(_CHART["top"] + height * (1 - (value - low) / ((high - low) or 1)), 1),
            "value": value,
            "at": moment["at"],
        }
        for index, (value, moment) in enumerate(zip(values, timeline, strict=True))
        if value is not None
    ]
