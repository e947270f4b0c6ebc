"""What the monitor knows, as JSON."""

from typing import Any

from detectlab.monitoring.baseline import MIN_PICTURES
from detectlab.monitoring.histogram import histogram
from detectlab.monitoring.monitor import Monitor
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
    with monitor.lock:
        watches = [_describe(watch) for watch in monitor.watches.values()]
        alarms = [alarm.as_json() for alarm in monitor.alarms]
    watched = {watch["model"] for watch in watches}
    return {
        "share": share,
        "promise": PROMISE,
        "watches": sorted(watches, key=lambda watch: (watch["lane"] != "stable", watch["model"])),
        "alarms": alarms,
        "other_baselines": sorted(set(monitor.store.models()) - watched),
    }


def _describe(watch: Watch) -> dict[str, Any]:
    window = watch.window()
    baseline = watch.baseline
    return {
        "model": watch.model,
        "lane": watch.lane,
        "pictures": watch.pictures,
        "window": window.pictures,
        "verdict": _verdict(watch, window),
        "evidence": 1.0 if watch.alarm else watch.evidence,
        "alarm": watch.alarm.as_json() if watch.alarm else None,
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
        "timeline": [_moment(at, block) for at, block in watch.timeline],
    }


def _verdict(watch: Watch, window: Sketch) -> str:
    """One sentence."""
    if watch.baseline is None:
        missing = MIN_PICTURES - watch.pictures
        more = f", after {missing} more pictures" if missing > 0 else ""
        return f"There is no baseline yet. Freeze one{more}: detectlab monitor baseline"
    if watch.alarm:
        return f"Alarm: {watch.alarm.summary}"
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
