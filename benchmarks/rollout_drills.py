"""How soon a broken candidate is stopped: every drill on a fresh server, with 8 clients.

    python benchmarks/rollout_drills.py [--clients 8] [--drills raises slow] [--out FILE]

Each drill is tried in a canary of 10 %, in one of 100 %, and in green. The verdict fails when one
is stopped too late (a candidate that hangs after 10 s, another one after 5 s and after 30 of its
answers, whichever is later), or when stable's answers were harmed.
"""

import argparse
import concurrent.futures
import json
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from machine import describe_machine
from shadow import ROOT, TOKEN, served

from detectlab.client import RolloutClient

MODES: dict[str, dict[str, Any]] = {
    "canary 10%": {"mode": "canary", "canary": {"share": 0.1}},
    "canary 100%": {"mode": "canary", "canary": {"share": 1.0}},
    "green": {"mode": "blue_green", "live": "green"},
}
# Fruit: on a clock or a white car, swapped channels change nothing.
PICTURES = [ROOT / "images" / f"{name}.jpg" for name in ("apples", "oranges", "fruits")]
DRILLS = ("raises", "slow", "hangs", "eats_memory", "swapped_channels")
GIVE_UP_S = 60.0
ALLOWED_S, ALLOWED_HANGS_S, ALLOWED_ANSWERS = 5.0, 10.0, 30


class Clients:
    """Clients that ask all the time.

    Attributes:
        seen: How many answers each version gave, and how many requests failed, by status.
        wrong: How many answers of stable differ from those before the rollout.
    """

    def __init__(self, url: str, count: int) -> None:
        self.seen: Counter[str] = Counter()
        self.wrong = 0
        self._url = url
        self._stop = threading.Event()
        self._pictures = [path.read_bytes() for path in PICTURES]
        self._right = [
            self._send(requests.Session(), turn, "").json() for turn in range(len(PICTURES))
        ]
        self._threads = concurrent.futures.ThreadPoolExecutor(count)
        self._tasks = [self._threads.submit(self._ask, number) for number in range(count)]

    def stop(self) -> None:
        """Stop asking; requests on their way are still answered."""
        self._stop.set()
        for task in self._tasks:
            task.result()
        self._threads.shutdown()

    def _send(self, session: requests.Session, turn: int, client: str) -> requests.Response:
        return session.post(
            f"{self._url}/predict",
            files={"file": self._pictures[turn % len(self._pictures)]},
            headers={"Accept": "application/json", "X-Client-ID": client},
            timeout=120,
        )

    def _ask(self, number: int) -> None:
        turn = 0
        with requests.Session() as session:
            while not self._stop.is_set():
                answer = self._send(session, turn, f"{number}-{turn}")
                found = answer.json()
                self.seen[found["model"] if answer.ok else str(answer.status_code)] += 1
                if answer.ok and found["model"] == "nano":
                    right = self._right[turn % len(self._right)]
                    self.wrong += found["detections"] != right["detections"]
                turn += 1


def candidate_answers(url: str) -> int:
    """How many detections of the candidate ended."""
    lines = requests.get(f"{url}/metrics", timeout=30).text.splitlines()
    wanted = [line for line in lines if line.startswith("detectlab_rollout_answers_total")]
    return sum(int(float(line.split()[-1])) for line in wanted if 'role="candidate"' in line)


def try_drill(*, mode: str, drill: str, clients: int) -> dict[str, Any]:
    with served() as url:
        operator = RolloutClient(url, operator="benchmark", operator_token=TOKEN)
        plan = {
            "stable": {"model": "nano"},
            "candidate": {"model": "nano", "drill": drill},
            "guard_rails": {"max_disagreement": 0.2},
            **MODES[mode],
        }
        crowd = Clients(url, clients)
        try:
            operator.put(plan)
            begun = time.monotonic()
            while operator.status()["revision"] == 1 and time.monotonic() - begun < GIVE_UP_S:
                time.sleep(0.05)
            seconds = time.monotonic() - begun
            answers = candidate_answers(url)
            before = crowd.seen["nano"]
            # What waits for the candidate is answered, or fails, before stable answers again.
            while crowd.seen["nano"] < before + clients and time.monotonic() - begun < GIVE_UP_S:
                time.sleep(0.05)
            after = crowd.seen["nano"] - before
        finally:
            crowd.stop()
        stopped, versions = operator.history(1)[0], operator.report()["versions"]
        return {
            "mode": mode,
            "drill": drill,
            "stopped": stopped["who"] == "guard rails",
            "why": stopped["why"],
            "seconds": round(seconds, 1),
            "answers": answers,
            "failed": sum(n for name, n in crowd.seen.items() if name.isdigit()),
            "failed_by_candidate": versions["candidate"]["failures"],
            "failed_by_stable": versions["stable"]["failures"],
            "stable_after": after,
            "stable_wrong": crowd.wrong,
            "answered": dict(crowd.seen),
        }


def holds(found: dict[str, Any]) -> bool:
    is_soon = found["seconds"] <= (ALLOWED_HANGS_S if found["drill"] == "hangs" else ALLOWED_S)
    is_few = found["drill"] != "hangs" and found["answers"] <= ALLOWED_ANSWERS
    # A request may fail in the queue and in the detector: two failures are recorded then.
    is_unharmed = (
        not (found["failed_by_stable"] or found["stable_wrong"])
        and found["failed"] <= found["failed_by_candidate"]
    )
    return bool(found["stopped"] and (is_soon or is_few) and found["stable_after"] and is_unharmed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--drills", nargs="+", choices=DRILLS, default=DRILLS)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/rollout_drills.json")
    arguments = parser.parse_args()
    rows = []
    for mode in arguments.modes:
        for drill in arguments.drills:
            found = try_drill(mode=mode, drill=drill, clients=arguments.clients)
            found["holds"] = holds(found)
            rows.append(found)
            print(
                f"{'ok    ' if found['holds'] else 'FAILED'} {mode}, {drill}: after "
                f"{found['seconds']} s and {found['answers']} answers, {found['failed']} requests "
                f"failed: {found['why']}",
                flush=True,
            )
    passed = all(row["holds"] for row in rows)
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "passed": passed,
        "settings": {"clients": arguments.clients},
        "machine": describe_machine(),
        "drills": rows,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print("passed" if passed else "FAILED")
    return not passed


if __name__ == "__main__":
    sys.exit(main())
