"""The report as a page: no scripts, nothing loaded from elsewhere, readable on a phone."""

from html import escape
from typing import Any

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)

_PERSON = "a person"
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --blue: #2f6fdf; --green: #2a9d5c;
  --red: #d64545; --soft: #8882; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 62rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; overflow-wrap: anywhere; }
.problem { border-left: 4px solid var(--red); background: var(--soft); padding: .5rem .8rem; }
.muted { opacity: .7; font-size: .875rem; }
.cards { display: grid; gap: .7rem; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
.card { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; min-width: 0; }
.card b { display: block; font-size: 1.35rem; } .card span { overflow-wrap: anywhere; }
.chart { width: 100%; max-width: 34rem; height: auto; display: block; }
.bar { display: grid; grid-template-columns: 7rem 1fr; gap: .5rem; align-items: center;
  margin: .3rem 0; font-size: .875rem; }
.bar i { display: block; height: 1.1rem; border-radius: .2rem; min-width: 2px; }
.bar div { display: flex; align-items: center; gap: .4rem; white-space: nowrap; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem; margin: .4rem 0 1.4rem; }
.pair figure { margin: 0; min-width: 0; } .pair svg { width: 100%; height: auto; display: block;
  background: var(--soft); border-radius: .3rem; }
figcaption { font-size: .8125rem; overflow-wrap: anywhere; }
.only { color: var(--red); font-weight: 600; }
ol { list-style: none; padding: 0; margin: 0; } li { border-top: 1px solid var(--line);
  padding: .5rem 0; overflow-wrap: anywhere; }
"""


def render(report: dict[str, Any]) -> str:
    """The page of what `report` gave."""
    problem = report["problem"]
    parts = [
        f"<h1>Rollout: {escape(report['summary'])}</h1>",
        f'<p class="muted">Revision {report["revision"]}. Load the page again for newer numbers.'
        "</p>",
        f'<p class="problem">{escape(problem)}</p>' if problem else "",
        "<h2>The sides</h2>",
        '<div class="cards">' + "".join(map(_side_card, report["sides"].items())) + "</div>",
        _agreement("The candidate, compared with stable", report["agreement"]["with_stable"]),
    ]
    for model, found in report["agreement"]["with_people"].items():
        parts.append(_agreement(f"{model}, compared with people", found))
    parts += [_examples(report["examples"]), _history(report["history"])]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Rollout report</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(filter(None, parts))
        + "\n</body>\n</html>\n"
    )


def _side_card(item: tuple[str, dict[str, Any]]) -> str:
    name, side = item
    failures = f", {side['failures']:,} failed" if side["failures"] else ""
    return (
        f'<div class="card"><span class="muted">{escape(name)}</span>'
        f"<b>{side['answers']:,}</b><span>answers{failures} by {escape(side['model'])}</span></div>"
    )


def _agreement(title: str, found: dict[str, Any]) -> str:
    heading = f"<h2>{escape(title)}</h2>"
    if not found["pairs"]:
        return heading + "<p>Nothing has been compared yet.</p>"
    shift = found["confidence_shift"]
    cards = [
        (f"{found['agreeing'] / found['pairs']:.0%}", f"of {found['pairs']:,} pictures agree"),
        (f"{found['missed']:,}", "objects missed"),
        (f"{found['extra']:,}", "objects made up"),
        ("–" if shift is None else f"{shift:+.3f}", "shift of confidence"),
    ]
    boxes = "".join(f'<div class="card"><b>{b}</b><span>{t}</span></div>' for b, t in cards)
    course = _course(found["over_time"]) if found["pairs"] > 1 else ""
    return (
        f'{heading}<div class="cards">{boxes}</div>'
        + course
        + _latencies(found["baseline"], found["other"])
    )


def _course(points: list[dict[str, Any]]) -> str:
    """Mean agreement over time, as a line."""
    width, height, left, top = 400, 150, 40, 10
    step = (width - left - 12) / max(1, len(points) - 1)
    marks = [
        (left + index * step, top + (1 - point["mean_agreement"]) * (height - 44))
        for index, point in enumerate(points)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in marks)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="var(--blue)"><title>'
        f"{point['at']}: {point['mean_agreement']:.0%} of {point['pairs']}</title></circle>"
        for (x, y), point in zip(marks, points, strict=True)
    )
    grid = "".join(
        f'<line x1="{left}" x2="{width - 8}" y1="{y}" y2="{y}" stroke="var(--line)"/>'
        f'<text x="{left - 6}" y="{y + 5}" text-anchor="end">{label}</text>'
        for y, label in ((top, "100%"), (top + (height - 44) / 2, "50%"), (height - 32, "0%"))
    )
    first, last = points[0]["at"][11:19], points[-1]["at"][11:19]
    return (
        '<p class="muted">Mean agreement over time (UTC)</p>'
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" font-size="12" '
        f'fill="currentColor"><title>Mean agreement over time</title>{grid}'
        f'<polyline points="{line}" fill="none" stroke="var(--blue)" stroke-width="2"/>{dots}'
        f'<text x="{left}" y="{height - 8}">{first}</text>'
        f'<text x="{width - 8}" y="{height - 8}" text-anchor="end">{last}</text></svg>'
    )


def _latencies(baseline: dict[str, Any], other: dict[str, Any]) -> str:
    rows = [
        (f"{who}, {name}", found[key], colour)
        for name, key in (("p50", "p50_ms"), ("p95", "p95_ms"))
        for who, found, colour in (("stable", baseline, "blue"), ("candidate", other, "green"))
    ]
    if None in (value for _, value, _ in rows):
        return ""  # nobody measures how long a person takes
    longest = max(value for _, value, _ in rows)
    bars = "".join(
        f'<div class="bar"><span>{label}</span><div><i style="width:{70 * value / longest:.1f}%;'
        f'background:var(--{colour})"></i>{value:.1f} ms</div></div>'
        for label, value, colour in rows
    )
    return f'<p class="muted">What the detectors took for the same pictures</p>{bars}'


def _examples(examples: list[dict[str, Any]]) -> str:
    if not examples:
        return ""
    pairs = []
    for example in examples:
        people = example["baseline"] == "person"
        left = _drawing(_PERSON if people else "stable", example, "baseline_detections")
        right = _drawing(example["model"], example, "detections")
        pairs.append(
            f'<p class="muted">{example["at"][:19].replace("T", " ")}, request '
            f"{escape(example['request_id'])}: {example['missed']} missed, {example['extra']} made "
            f'up</p><div class="pair">{left}{right}</div>'
        )
    return (
        "<h2>Where they disagree</h2><p>Dashed and red is what only one of the two has.</p>"
        + "".join(pairs)
    )


def _drawing(title: str, example: dict[str, Any], key: str) -> str:
    """A picture with the boxes of one answer, and their names below."""
    width, height = (side or 1 for side in example["size_wh"])
    picture = example["picture"]
    image = (
        f'<image href="data:image/jpeg;base64,{picture}" width="{width}" height="{height}"/>'
        if picture
        else ""
    )
    shapes, names = [], []
    for found in example[key]:
        x_min, y_min, x_max, y_max = found["box"]
        look = (
            'stroke="var(--green)"'
            if found["matched"]
            else 'stroke="var(--red)" stroke-dasharray="6 4"'
        )
        shapes.append(
            f'<rect x="{x_min}" y="{y_min}" width="{max(0, x_max - x_min)}" '
            f'height="{max(0, y_max - y_min)}" fill="none" stroke-width="2.5" '
            f'vector-effect="non-scaling-stroke" {look}/>'
        )
        sure = "" if title == _PERSON else f" {found['confidence']:.2f}"
        name = escape(found["class_name"]) + sure
        names.append(name if found["matched"] else f'<span class="only">{name}</span>')
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" role="img"><title>{escape(title)}</title>'
        f"{image}{''.join(shapes)}</svg><figcaption><b>{escape(title)}</b>: "
        f"{', '.join(names) or 'nothing'}</figcaption></figure>"
    )


def _history(entries: list[dict[str, Any]]) -> str:
    if not entries:
        return ""
    items = "".join(
        f"<li><b>{entry['revision']}. {escape(entry['to'])}</b><br>"
        f"{escape(entry['action'])} by {escape(entry['who'])}"
        f"{': ' + escape(entry['why']) if entry['why'] else ''}"
        f'<br><span class="muted">{entry["at"][:19].replace("T", " ")} UTC</span></li>'
        for entry in entries
    )
    return f"<h2>History</h2><ol>{items}</ol>"
