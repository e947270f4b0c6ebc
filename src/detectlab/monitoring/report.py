"""What the monitor knows, as JSON; on a cluster with what the other gateways told."""

from collections.abc import Sequence
from typing import Any

from detectlab.monitoring.baseline import MIN_PICTURES
from detectlab.monitoring.exchange import OtherWatch
from detectlab.monitoring.histogram import histogram
from detectlab.monitoring.monitor import Monitor
from detectlab.monitoring.recent import KEPT_BLOCKS, RecentStatistics
from detectlab.monitoring.sketch import Sketch
from detectlab.monitoring.statistics import NAMES, STATISTICS
from detectlab.monitoring.watch import Watch, iso

PROMISE = "at most one false alarm in 10,000 pictures of the baseline's kind"


def report(monitor: Monitor, share: float) -> dict[str, Any]:
    """The state of the monitor.

    Args:
        monitor: The monitor.
        share: Of the pictures whose pixels are looked at, in `[0, 1]`.
    """
    monitor.drain()
    exchange = monitor.exchange
    others = exchange.watches if exchange else []
    with monitor.lock:
        own = dict(monitor.watches)
        for other in others:
            model, lane, classes = other.recent.model, other.recent.lane, other.recent.classes
            if (model, lane) not in own:
                own[model, lane] = monitor.new_watch(model=model, lane=lane, classes=classes)
        watches = [
            _describe(watch, [one for one in others if (one.recent.model, one.recent.lane) == key])
            for key, watch in own.items()
        ]
        alarms = [alarm.as_json() for alarm in monitor.alarms]
    alarms += exchange.alarms if exchange else []
    watched = {watch["model"] for watch in watches}
    return {
        "share": share,
        "promise": PROMISE,
        "watches": sorted(watches, key=lambda watch: (watch["lane"] != "stable", watch["model"])),
        "alarms": sorted(alarms, key=lambda alarm: alarm["at"], reverse=True),
        "other_baselines": sorted(set(monitor.store.models()) - watched),
    }


def _describe(watch: Watch, others: Sequence[OtherWatch]) -> dict[str, Any]:
    """A watch, together with those of other gateways over the same detector and lane."""
    parts: list[RecentStatistics] = [watch, *(other.recent for other in others)]
    window = Sketch()
    for part in parts:
        window = window + part.window()
    pictures = sum(part.pictures for part in parts)
    alarms = [other.alarm for other in others if other.alarm]
    alarms += [watch.alarm.as_json()] if watch.alarm else []
    alarm = min(alarms, key=lambda one: one["at"], default=None)
    evidence = max([watch.evidence, *(other.evidence for other in others)])
    baseline = watch.baseline
    timeline = sorted(
        (moment for part in parts for moment in part.timeline), key=lambda one: one[0]
    )
    return {
        "model": watch.model,
        "lane": watch.lane,
        "gateways": sum(part.pictures > 0 for part in parts),
        "pictures": pictures,
        "window": window.pictures,
        "verdict": _verdict(watch, alarm, pictures=pictures, window=window),
        "evidence": 1.0 if alarm else evidence,
        "alarm": alarm,
        "baseline": None
        if baseline is None
        else {
            "at": baseline.at,
            "source": baseline.source,
            "pictures": baseline.sketch.pictures,
        },
        "empty_share": _empty_share(window),
        "estimated_precision": _estimated_precision(watch, window),
        "statistics": [_statistic(watch, window, name) for name in NAMES],
        "timeline": [_moment(at, block) for at, block in timeline[-KEPT_BLOCKS:]],
    }


def _verdict(watch: Watch, alarm: dict[str, Any] | None, *, pictures: int, window: Sketch) -> str:
    """One sentence."""
    if alarm:
        return f"Alarm: {alarm['summary']}"
    if watch.baseline is None:
        missing = MIN_PICTURES - pictures
        more = f", after {missing} more pictures" if missing > 0 else ""
        return f"There is no baseline yet. Freeze one{more}: detectlab monitor baseline"
    if not window.pictures:
        return "Nothing came in yet: there is no evidence either way."
    return "No drift: the pictures and the answers are of the baseline's kind."


def _statistic(watch: Watch, window: Sketch, name: str) -> dict[str, Any]:
    row = NAMES.index(name)
    statistic = STATISTICS[row]
    seen = {"name": name, "text": statistic.text, "about": statistic.about}
    old = watch.baseline.sketch if watch.baseline else Sketch()
    bars = histogram(old, window, name=name, classes=watch.classes)
    distances: dict[str, Any] = {"psi": None, "jensen_shannon": None}
    if watch.baseline and window.counts[row].any():
        moved = watch.moved(name, window)
        distances = {"psi": moved.psi, "jensen_shannon": moved.jensen_shannon}
    return {
        **seen,
        **distances,
        "seen": int(window.counts[row].sum()),
        "typical": {"baseline": watch.typical(old, name), "now": watch.typical(window, name)},
        "histogram": bars,
    }


def _empty_share(sketch: Sketch) -> float | None:
    counts = sketch.counts[NAMES.index("objects")]
    return round(float(counts[0] / counts.sum()), 4) if counts.any() else None


def _estimated_precision(watch: Watch, window: Sketch) -> dict[str, Any] | None:
    """The precision of the answers, estimated from their confidence alone."""
    confidence = window.mean("confidence")
    if confidence is None:
        return None
    calibration = watch.baseline.calibration if watch.baseline else None
    estimate = calibration.precision(confidence) if calibration else confidence
    assumes = (
        f"that confidence means the same as in the {calibration.objects} labelled objects of the "
        "baseline"
        if calibration
        else "that a confidence of 0.8 is right 8 times in 10, which no labels have confirmed"
    )
    return {"value": round(estimate, 3), "assumes": assumes}


def _moment(at: float, block: Sketch) -> dict[str, Any]:
    medians = {name: block.quantile(name, 0.5) for name in NAMES}
    return {"at": iso(at), "empty_share": _empty_share(block), "medians": medians}
