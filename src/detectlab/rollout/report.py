"""What is known about a rollout, from its store."""

import base64
import sqlite3
from datetime import UTC, datetime
from typing import Any

import numpy as np

from detectlab.rollout.controller import Router
from detectlab.rollout.detections_json import from_json
from detectlab.rollout.plan import RolloutPlan
from detectlab.rollout.store import Store
from detectlab.vision.detections import Detections
from detectlab.vision.metrics import match

_POINTS = 24
_EXAMPLES = 12
_CHANGES = 20
_FLUSH_S = 1.0


def report(router: Router) -> dict[str, Any]:
    """The plan, what both sides did, how far they agree, and the last changes.

    Everything is read from the store, so it covers all processes that share it.
    """
    router.recorder.journal.flush(_FLUSH_S)  # what was just answered belongs to it
    plan = router.state.plan
    label = plan.candidate.label if plan.candidate else ""
    return {
        "revision": router.state.revision,
        "summary": plan.summary,
        "problem": router.problem,
        "sides": _sides(router.store, plan),
        "agreement": {
            "with_stable": agreement(router.store, "stable", label),
            "with_people": {
                model: agreement(router.store, "person", model)
                for model in _judged_models(router.store)
            },
        },
        "examples": examples(router.store, label),
        "history": [entry.describe() for entry in router.history.entries(_CHANGES)],
    }


def agreement(store: Store, baseline: str, model: str) -> dict[str, Any]:
    """How far a detector agrees with a baseline, over the comparisons that are kept.

    Args:
        store: Where they are.
        baseline: `stable` or `person`.
        model: The detector.

    Returns:
        Counts and means, latencies in milliseconds of both on the same pictures, and the course
        over time as at most 24 points.
    """
    rows = store.read(
        "SELECT at, matched, missed, extra, agreement, confidence_shift, baseline_s, seconds "
        "FROM pairs WHERE baseline = ? AND model = ? ORDER BY id",
        (baseline, model),
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
        "baseline": _latencies([row["baseline_s"] for row in rows if row["baseline_s"]]),
        "other": _latencies([row["seconds"] for row in rows if row["seconds"]]),
        "over_time": [
            {
                "at": _time(part[-1]["at"]),
                "pairs": len(part),
                "mean_agreement": _mean([row["agreement"] for row in part]),
            }
            for part in (
                [rows[i] for i in indices]
                for indices in np.array_split(np.arange(len(rows)), _POINTS)
                if len(indices)
            )
        ],
    }


def examples(store: Store, model: str) -> list[dict[str, Any]]:
    """The last pictures about which a candidate and stable, or a person and an answer, disagree.

    Those of which the picture was kept come first.
    """
    rows = store.read(
        "SELECT * FROM pairs WHERE missed + extra > 0 AND (model = ? OR baseline = 'person') "
        "ORDER BY picture IS NULL, id DESC LIMIT ?",
        (model, _EXAMPLES),
    )
    return [_example(row) for row in rows]


def _example(row: sqlite3.Row) -> dict[str, Any]:
    baseline, other = from_json(row["baseline_detections"]), from_json(row["detections"])
    pairs = match(baseline, other)
    return {
        "request_id": row["request_id"],
        "at": _time(row["at"]),
        "baseline": row["baseline"],
        "model": row["model"],
        "missed": row["missed"],
        "extra": row["extra"],
        "agreement": round(row["agreement"], 3),
        "size_wh": [row["width"], row["height"]],
        "baseline_detections": _objects(baseline, {index for index, _ in pairs}),
        "detections": _objects(other, {index for _, index in pairs}),
        "picture": base64.b64encode(row["picture"]).decode() if row["picture"] else None,
    }


def _sides(store: Store, plan: RolloutPlan) -> dict[str, Any]:
    """Answers, failures and latencies of the sides' detectors, whichever side they were then."""
    sides = {"stable": plan.stable, "candidate": plan.candidate}
    found = {}
    for name, side in sides.items():
        if side is None:
            continue
        rows = store.read(
            "SELECT at, seconds, error FROM answers WHERE model = ? ORDER BY id", (side.label,)
        )
        failures = [row for row in rows if row["error"] is not None]
        found[name] = {
            "model": side.label,
            "answers": len(rows) - len(failures),
            "failures": len(failures),
            "first_failure": _time(failures[0]["at"]) if failures else None,
            "last_error": failures[-1]["error"] if failures else None,
            **_latencies([row["seconds"] for row in rows if row["error"] is None]),
        }
    return found


def _judged_models(store: Store) -> list[str]:
    rows = store.read("SELECT DISTINCT model FROM pairs WHERE baseline = 'person' ORDER BY model")
    return [row["model"] for row in rows]


def _latencies(seconds: list[float]) -> dict[str, float | None]:
    if not seconds:
        return {"p50_ms": None, "p95_ms": None}
    p50, p95 = np.percentile(seconds, [50, 95]) * 1000
    return {"p50_ms": round(float(p50), 1), "p95_ms": round(float(p95), 1)}


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def _objects(found: Detections, matched: set[int]) -> list[dict[str, Any]]:
    return [
        {
            "box": corners,
            "class_name": label,
            "confidence": round(confidence, 3),
            "matched": index in matched,
        }
        for index, (corners, label, confidence) in enumerate(found)
    ]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
