"""The report of a rollout: what its versions did, how far they agree, and what comes next."""

import base64
from datetime import UTC, datetime
from typing import Any

from detectlab.rollout.agreement import agreement, percentiles
from detectlab.rollout.autopilot import GUARD
from detectlab.rollout.controller import RolloutController
from detectlab.rollout.deployment import ActivePlan
from detectlab.rollout.detections_json import from_json
from detectlab.rollout.store import Row, Store, utc
from detectlab.vision.detections import Detections
from detectlab.vision.metrics import match

_EXAMPLES = 12
_CHANGES = 20
_FLUSH_S = 1.0


def report(controller: RolloutController) -> dict[str, Any]:
    """The plan, what both versions did since they are compared, and the last changes.

    Counts are read from the store, so they cover all processes that share it; guard rails judge
    what this process has seen.
    """
    controller.recorder.log.flush(_FLUSH_S)  # include the latest answers
    active, store = controller.active, controller.store
    candidate = active.plan.candidate
    label, start = (candidate.label if candidate else ""), active.experiment
    history = controller.history.entries(_CHANGES)
    stopped = history[0] if history and history[0].who == GUARD else None
    return {
        "revision": active.revision,
        "summary": active.plan.summary,
        "problem": controller.problem,
        "stopped": stopped.describe() if stopped else None,
        "rails": [status.model_dump() for status in active.rail_statuses()],
        "next_step": next_step(active),
        "versions": _versions(store, active),
        "agreement": {
            "with_stable": agreement(store, "stable", label, since=start),
            "with_people": {
                model: agreement(store, "person", model, since=start)
                for model in _judged_models(store, start)
            },
        },
        "shadow": _shadow(store, active),
        "examples": examples(store, label, since=start),
        "history": [entry.describe() for entry in history],
    }


def next_step(active: ActivePlan) -> str | None:
    """What the next step waits for; `None` without a candidate in a rollout."""
    plan = active.plan
    if plan.mode == "stable":
        return None
    if plan.live == "green":
        return "`release` makes the candidate stable."
    missing = active.guard.missing_evidence(has_traffic=plan.candidate_share > 0)
    if missing:
        return f"Not enough evidence for the next step. {missing}."
    is_timed = plan.mode == "canary" and plan.canary.share < plan.canary.steps[-1]
    if is_timed and plan.canary.step_every_s:
        due = datetime.fromtimestamp(active.since + plan.canary.step_every_s, UTC)
        return f"Every guard rail says go: the next step is due at {due:%Y-%m-%d %H:%M:%S} UTC."
    return "Every guard rail says go: `promote` takes the next step."


def examples(store: Store, model: str, *, since: int = 0) -> list[dict[str, Any]]:
    """The last pictures on which the versions, or a person and an answer, disagree.

    Those whose picture was kept come first; each picture comes once.

    Args:
        store: Holds them.
        model: Label of the candidate.
        since: The first revision that counts.
    """
    rows = store.read(
        "SELECT * FROM comparisons WHERE missed + extra > 0 AND revision >= ? "
        "AND (model = ? OR baseline = 'person') ORDER BY picture IS NULL, id DESC LIMIT ?",
        (since, model, 8 * _EXAMPLES),
    )
    unique = {
        (row["baseline"], row["model"], row["picture"] or row["id"]): row for row in reversed(rows)
    }
    return [_example(row) for row in reversed(unique.values())][:_EXAMPLES]


def _example(row: Row) -> dict[str, Any]:
    baseline, other = from_json(row["baseline_detections"]), from_json(row["detections"])
    pairs = match(baseline, other)
    return {
        "request_id": row["request_id"],
        "at": utc(row["at"]),
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


def _versions(store: Store, active: ActivePlan) -> dict[str, Any]:
    """Answers, failures and latencies of both versions since they are compared."""
    found = {}
    for role, version in (("stable", active.plan.stable), ("candidate", active.plan.candidate)):
        if version is None:
            continue
        rows = store.read(
            "SELECT at, seconds, error FROM answers "
            "WHERE role = ? AND model = ? AND revision >= ? ORDER BY id",
            (role, version.label, active.experiment),
        )
        failures = [row for row in rows if row["error"] is not None]
        found[role] = {
            "model": version.label,
            "answers": len(rows) - len(failures),
            "failures": len(failures),
            "first_failure": utc(failures[0]["at"]) if failures else None,
            "last_error": failures[-1]["error"] if failures else None,
            **percentiles([row["seconds"] for row in rows if row["error"] is None]),
        }
    return found


def _shadow(store: Store, active: ActivePlan) -> dict[str, Any] | None:
    """How many answers were compared, of how many, and how many the shadow failed to answer."""
    if active.plan.candidate is None:
        return None
    start = active.experiment
    (answers,) = store.read(
        "SELECT count(*) AS n FROM answers "
        "WHERE role != 'shadow' AND error IS NULL AND revision >= ?",
        (start,),
    )
    (compared,) = store.read(
        "SELECT count(*) AS n FROM comparisons WHERE baseline = 'stable' AND revision >= ?",
        (start,),
    )
    failed = store.read(
        "SELECT error FROM answers WHERE role = 'shadow' AND revision >= ? ORDER BY id", (start,)
    )
    return {
        "answers": answers["n"],
        "compared": compared["n"],
        "failed": len(failed),
        "last_error": failed[-1]["error"] if failed else None,
    }


def _judged_models(store: Store, since: int) -> list[str]:
    rows = store.read(
        "SELECT DISTINCT model FROM comparisons WHERE baseline = 'person' AND revision >= ? "
        "ORDER BY model",
        (since,),
    )
    return [row["model"] for row in rows]


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
