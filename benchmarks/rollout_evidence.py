"""How often the guard rails are right: simulated on the code that the server runs.

    python benchmarks/rollout_evidence.py [--hours 1000] [--ramps 1000] [--seed 0] [--out FILE]

Each cell is 1,000 simulated hours of one rail (as one of three that share `alpha`), each answer of
another client. The verdict fails when a bar does.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe_machine
from numpy.typing import NDArray

from detectlab.rollout.autopilot import ramps_now
from detectlab.rollout.guard import Guard, StableLatency
from detectlab.rollout.plan import GuardRails, RolloutPlan
from detectlab.rollout.rails.base import Observation, RailContext, RateRail
from detectlab.rollout.rails.disagreement import DisagreementRail
from detectlab.rollout.rails.errors import ErrorRail
from detectlab.rollout.transitions import promote

ROOT = Path(__file__).resolve().parent.parent
HOUR_S = 3600
RATES = (0.1, 0.5, 1.0, 5.0)
LIMITS = GuardRails(max_error_rate=0.05, max_disagreement=0.2)
RAILS: dict[str, tuple[type[RateRail], float]] = {
    "errors": (ErrorRail, 0.05),
    "disagreement": (DisagreementRail, 0.2),
}
# A window of a minute and at least three bad ones, as the first version judged.
WINDOW_S, MIN_BAD = 60.0, 3
OUTAGE = (900.0, 1080.0)
RUNS_PER_ORDER = 50

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def make_rail(name: str, runs: int) -> RateRail:
    kind, _ = RAILS[name]
    context = RailContext(LIMITS, LIMITS.alpha / 3)
    return kind(context, runs)


def observe(rail: RateRail, name: str, role: Any, bad: Bools, at: float) -> None:
    """Show one observation of every run to a rail."""
    kind: Any = "answer" if name == "errors" else "comparison"
    facts: dict[str, Any] = {"failed": bad} if name == "errors" else {"agrees": ~bad}
    rail.observe(Observation(kind, role, f"{role}-{at}", at, **facts))


def arrivals(rate: float, seconds: float) -> Floats:
    return np.arange(1, int(seconds * rate) + 1) / rate


def hours(
    name: str, *, rate: float, bad_rate: float, runs: int, seed: int, seconds: float = HOUR_S
) -> Floats:
    """When a rail stopped each of `runs` candidates, in seconds; infinite when it did not."""
    rng, rail = np.random.default_rng(seed), make_rail(name, runs)
    stopped = np.full(runs, np.inf)
    for at in arrivals(rate, seconds):
        observe(rail, name, "candidate", rng.random(runs) < bad_rate, at)
        stopped[rail.test.stop & np.isinf(stopped)] = at
    return stopped


def outages(*, rate: float, times_stable: float, bad_rate: float, seed: tuple[int, int]) -> Floats:
    """As `hours`, of half hours in which for three minutes both versions fail equally often.

    Answers come at random times, those of both versions in one random order for all 50 runs.
    """
    rng, rail = np.random.default_rng(seed), make_rail("errors", RUNS_PER_ORDER)
    stopped = np.full(RUNS_PER_ORDER, np.inf)
    count = rng.poisson(rate * (1 + times_stable) * HOUR_S / 2)
    is_candidate = rng.random(count) < 1 / (1 + times_stable)
    for number, at in enumerate(np.sort(rng.uniform(0, HOUR_S / 2, count))):
        now = bad_rate if OUTAGE[0] < at <= OUTAGE[1] else 0.01
        role = "candidate" if is_candidate[number] else "stable"
        observe(rail, "errors", role, rng.random(RUNS_PER_ORDER) < now, at)
        stopped[rail.test.stop & np.isinf(stopped)] = at
    return stopped


def window_hours(*, limit: float, rate: float, bad_rate: float, runs: int, seed: int) -> float:
    """The share of hours in which a window of a minute stops a candidate."""
    rng, count = np.random.default_rng(seed), max(1, int(WINDOW_S * rate))
    stopped = np.zeros(runs, bool)
    recent = np.zeros((count, runs), bool)
    for number in range(int(HOUR_S * rate)):
        recent[number % count] = rng.random(runs) < bad_rate
        bad, seen = recent.sum(0), min(number + 1, count)
        stopped |= (bad >= MIN_BAD) & (bad > limit * seen)
    return float(stopped.mean())


def ramp(
    requests_per_s: float, bad_rate: float, *, seed: int, max_hours: float
) -> tuple[str, float]:
    """How a timed canary of 1, 10, 50 and 100 % ends, and after how many hours."""
    rng = np.random.default_rng(seed)
    plan = RolloutPlan.model_validate(
        {
            "mode": "canary",
            "stable": {"model": "nano"},
            "candidate": {"model": "nano", "input_size": 256},
            "canary": {"share": 0.01, "step_every_s": 900},
            "guard_rails": {"max_memory_growth_mb": None},
        }
    )
    guard, since = Guard(plan.guard_rails, StableLatency([0.1] * 100)), 0.0
    for second in range(5, int(max_hours * HOUR_S), 5):
        answers = rng.poisson(5 * requests_per_s * plan.candidate_share)
        for number in range(answers):
            failed = bool(rng.random() < bad_rate)
            client = f"{second}-{number}"
            guard.observe(Observation("answer", "candidate", client, second, 0.1, failed))
        if answers and guard.stop_reason():
            return "stopped", second / HOUR_S
        is_last = plan.canary.share == plan.canary.steps[-1]
        if is_last and second - since >= 900 and not guard.missing_evidence(has_traffic=True):
            return "finished", second / HOUR_S
        if second - since >= 900 and ramps_now(plan, guard, second - since):
            plan, since = promote(plan), float(second)
            guard.restart_go()
    return "waits" if plan.canary.share > 0.01 else "never stepped", max_hours


Bar = tuple[str, str, bool]


def rail_bars(name: str, rate: float, *, runs: int, seed: int) -> list[Bar]:
    """A candidate at a fifth of the limit, at the limit, and at twice the limit."""
    limit = RAILS[name][1]
    facts: dict[str, Any] = {"rate": rate, "runs": runs, "seed": seed}
    old = window_hours(limit=limit, bad_rate=limit / 5, **facts)
    fifth = np.isfinite(hours(name, bad_rate=limit / 5, **facts)).mean()
    at_limit = np.isfinite(hours(name, bad_rate=limit, **facts)).mean()
    twice = hours(name, bad_rate=2 * limit, **facts)
    share, median = np.isfinite(twice).mean(), np.median(twice[np.isfinite(twice)])
    where, soon = f"{name}, {rate:g}/s", f"{share:.1%} stopped, median {median:.0f} s"
    found = f"{fifth:.1%} stopped (a window of a minute: {old:.1%})"
    return [
        (f"{where}, a fifth of the limit", found, fifth <= 0.01),
        (f"{where}, at the limit", f"{at_limit:.1%} stopped", at_limit <= 0.05),
        (f"{where}, twice the limit", soon, share >= 0.95 or rate < 0.5),
    ]


def outage_bars(*, rate: float, canary: float, runs: int, seed: int) -> list[Bar]:
    """A good candidate of a canary, while both versions fail."""
    found = []
    for bad_rate in (0.3, 1.0):
        facts = {"rate": rate, "times_stable": (1 - canary) / canary, "bad_rate": bad_rate}
        parts = range(max(1, runs // RUNS_PER_ORDER))
        stopped = np.concatenate([outages(**facts, seed=(seed, part)) for part in parts])
        share = np.isfinite(stopped).mean()
        what = f"both fail {bad_rate:.0%} for 3 min, {rate:g}/s in a canary of {canary:.0%}"
        # No bar beyond one half: too few answers of stable are left to compare with.
        found.append((what, f"{share:.1%} stopped", share <= 0.05 or canary > 0.5))
    return found


def speed_bars(*, runs: int, seed: int) -> list[Bar]:
    """A candidate that fails always."""
    found = []
    for rate, allowed_s in ((0.2, 20.0), (5.0, 3.0)):
        slowest = hours("errors", rate=rate, bad_rate=1.0, runs=runs, seed=seed, seconds=60).max()
        what = f"fails always, {rate:g}/s"
        found.append((what, f"stopped after {slowest:.1f} s", slowest <= allowed_s))
    return found


def ramp_bars(ends: list[tuple[str, float]], requests_per_s: float) -> list[Bar]:
    """How timed canaries end, without requests and of a good candidate."""
    if not requests_per_s:
        stepped = sum(how != "never stepped" for how, _ in ends)
        return [("no traffic", f"{stepped} of {len(ends)} ramps stepped in 2 h", not stepped)]
    finished = [after for how, after in ends if how == "finished"]
    share = len(finished) / len(ends)
    found = f"{share:.1%} finished within 12 h, median {np.median(finished):.1f} h"
    return [("ramp of a candidate that fails 1 %, 1 request/s", found, share >= 0.95)]


def ramps(seeds: range, *, requests_per_s: float, max_hours: float) -> list[tuple[str, float]]:
    return [ramp(requests_per_s, 0.01, seed=seed, max_hours=max_hours) for seed in seeds]


def bars(*, runs: int, count: int, seed: int, jobs: int) -> Iterator[Bar]:
    """Each bar: what it is, what was measured, and whether it holds."""
    facts = {"runs": runs, "seed": seed}
    with ProcessPoolExecutor(jobs) as pool:
        cells = [pool.submit(rail_bars, name, rate, **facts) for name in RAILS for rate in RATES]
        for rate in RATES:
            for canary in (0.1, 0.5, 0.75):
                cells.append(pool.submit(outage_bars, rate=rate, canary=canary, **facts))
        cells.append(pool.submit(speed_bars, **facts))
        last = seed + count
        parts = [range(begin, min(begin + 20, last)) for begin in range(seed, last, 20)]
        walks = {
            rate: [
                pool.submit(ramps, part, requests_per_s=rate, max_hours=longest) for part in parts
            ]
            for rate, longest in ((0.0, 2.0), (1.0, 12.0))
        }
        for cell in cells:
            yield from cell.result()
        for rate, running in walks.items():
            yield from ramp_bars([end for part in running for end in part.result()], rate)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=int, default=1000, help="simulated hours a cell")
    parser.add_argument("--ramps", type=int, default=1000, help="simulated ramps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/rollout.json")
    arguments = parser.parse_args()
    rows = []
    run = {"runs": arguments.hours, "count": arguments.ramps, "jobs": arguments.jobs}
    for what, found, holds in bars(**run, seed=arguments.seed):
        print(f"{'ok    ' if holds else 'FAILED'} {what}: {found}", flush=True)
        rows.append({"what": what, "found": found, "holds": bool(holds)})
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "passed": all(row["holds"] for row in rows),
        "settings": {name: getattr(arguments, name) for name in ("hours", "ramps", "seed")},
        "machine": describe_machine(),
        "bars": rows,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print("passed" if result["passed"] else "FAILED")
    return not result["passed"]


if __name__ == "__main__":
    sys.exit(main())
