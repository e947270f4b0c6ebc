"""How far a version agrees with a baseline, from the comparisons in the store."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from detectlab.rollout.detections_json import from_json
from detectlab.rollout.store import Row, Store, utc
from detectlab.vision.metrics import match

_POINTS = 24
_BROKEN_DOWN = 2000
# Upper bounds of the area of small and of medium objects, in square pixels, as COCO has them.
_SMALL, _MEDIUM = 32**2, 96**2


def agreement(store: Store, baseline: str, model: str, *, since: int = 0) -> dict[str, Any]:
    """How far a version agrees with a baseline, over the comparisons that are kept.

    Args:
        store: Holds them.
        baseline: `stable` or `person`.
        model: The version's label.
        since: The first revision that counts.

    Returns:
        Counts and means, latencies of both on the same pictures in milliseconds, the course over
        time as at most 24 points, and the counts by class and by size of the object.
    """
    rows = store.read(
        "SELECT at, matched, missed, extra, agreement, confidence_shift, baseline_s, seconds "
        "FROM comparisons WHERE baseline = ? AND model = ? AND revision >= ? ORDER BY id",
        (baseline, model, since),
    )
    matched = sum(row["matched"] for row in rows)
    shifts = sum(row["matched"] * row["confidence_shift"] for row in rows)
    return {
        "pairs": len(rows),
        "agreeing": sum(not (row["missed"] or row["extra"]) for row in rows),
        "mean_agreement": _mean([row["agreement"] for row in rows]),
        "matched": matched,
        "missed": sum(row["missed"] for row in rows),
        "extra": sum(row["extra"] for row in rows),
        "confidence_shift": round(shifts / matched, 4) if matched else None,
        "baseline": percentiles([row["baseline_s"] for row in rows if row["baseline_s"]]),
        "other": percentiles([row["seconds"] for row in rows if row["seconds"]]),
        "first": utc(rows[0]["at"]) if rows else None,
        "last": utc(rows[-1]["at"]) if rows else None,
        "over_time": _over_time(rows),
        **_broken_down(store, baseline, model, since),
    }


def percentiles(seconds: list[float]) -> dict[str, float | None]:
    """The 50th and 95th percentile of latencies in seconds, in milliseconds."""
    if not seconds:
        return {"p50_ms": None, "p95_ms": None}
    p50, p95 = np.percentile(seconds, [50, 95]) * 1000
    return {"p50_ms": round(float(p50), 1), "p95_ms": round(float(p95), 1)}


def _broken_down(store: Store, baseline: str, model: str, since: int) -> dict[str, Any]:
    """Counts by class and by size, over the last 2,000 comparisons."""
    rows = store.read(
        "SELECT baseline_detections, detections FROM comparisons "
        "WHERE baseline = ? AND model = ? AND revision >= ? ORDER BY id DESC LIMIT ?",
        (baseline, model, since, _BROKEN_DOWN),
    )
    by_class: dict[str, Counter[str]] = defaultdict(Counter)
    by_size: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        one, other = from_json(row["baseline_detections"]), from_json(row["detections"])
        pairs = match(one, other)
        matched = {index for index, _ in pairs}, {index for _, index in pairs}
        for found, common, alone in ((one, matched[0], "missed"), (other, matched[1], "extra")):
            for index, (corners, label, _) in enumerate(found):
                if index in common and alone == "extra":
                    continue  # counted in the baseline
                outcome = "matched" if index in common else alone
                by_class[label][outcome] += 1
                by_size[_size(corners)][outcome] += 1
    names = ("matched", "missed", "extra")
    return {
        key: {name: {one: counts[one] for one in names} for name, counts in sorted(table.items())}
        for key, table in (("by_class", by_class), ("by_size", by_size))
    }


def _size(corners: list[int]) -> str:
    area = (corners[2] - corners[0]) * (corners[3] - corners[1])
    return "small" if area < _SMALL else "medium" if area < _MEDIUM else "large"


def _over_time(rows: list[Row]) -> list[dict[str, Any]]:
    parts = [
        [rows[index] for index in indices]
        for indices in np.array_split(np.arange(len(rows)), _POINTS)
        if len(indices)
    ]
    return [
        {
            "at": utc(part[-1]["at"]),
            "pairs": len(part),
            "mean_agreement": _mean([row["agreement"] for row in part]),
        }
        for part in parts
    ]


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
