"""The report as a page: no scripts, nothing loaded from elsewhere, readable on a phone."""

from typing import Any

from detectlab.serving.html_pages import load_template, page_headers

HEADERS = {**page_headers("form-action 'none'"), "Cache-Control": "no-store"}
_CHART = {"width": 400, "height": 150, "left": 40, "top": 10, "right": 12, "bottom": 44}


def render(report: dict[str, Any]) -> str:
    """The page of a report."""
    template = load_template("detectlab.rollout", "report.html")
    return template.render(
        report, here="rollout/report.html", up="../", chart=_CHART, points=_points, bars=_bars
    )


def _points(over_time: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The points of the chart, with their positions."""
    width = _CHART["width"] - _CHART["left"] - _CHART["right"]
    height = _CHART["height"] - _CHART["bottom"]
    step = width / max(1, len(over_time) - 1)
    return [
        {
            **point,
            "x": round(_CHART["left"] + index * step, 1),
            "y": round(_CHART["top"] + (1 - point["mean_agreement"]) * height, 1),
        }
        for index, point in enumerate(over_time)
    ]


def _bars(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The bars of the latencies; none where one is unknown, as that of a person is."""
    bars = [
        {"label": f"{who}, {name}", "ms": found[key][f"{name}_ms"], "colour": colour}
        for name in ("p50", "p95")
        for who, key, colour in (("stable", "baseline", "blue"), ("candidate", "other", "green"))
    ]
    if any(bar["ms"] is None for bar in bars):
        return []
    longest = max(bar["ms"] for bar in bars)
    return [{**bar, "width": round(70 * bar["ms"] / longest, 1)} for bar in bars]
