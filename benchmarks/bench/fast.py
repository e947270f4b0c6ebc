"""Measure engines and precisions side by side, group by group, and keep each group's last result.

    make bench-fast                                # all groups: about ten minutes
    make bench-fast ARGS="--groups nano,large"     # these; the others stay as they were stored

Each group compares within itself, in the same minutes; see `GROUPS`.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from machine import ROOT, describe_machine

from detectlab.engines import available

from . import fast_bars, fast_page
from .__main__ import shown, versions
from .alone import measure_libraries, measure_memory, measure_start
from .contestants import Contestant, ServerFailed, started
from .fast_files import add_int8, write_large
from .files import Files, prepare
from .overload_row import measure_overload
from .rounds import LOOPS, Bare, Plan
from .rounds import measure as measure_rounds

RESULTS = ROOT / "benchmarks" / "results" / "speed.json"
SERVE = ("detectlab", "serve", "--port=0")
JSON = "application/json"
# Name -> engine and precision.
CHOICES = {
    "opencv": ("opencv", "float32"),
    "openvino": ("openvino", "float32"),
    "int8": ("openvino", "fast"),
}


def environment(files: Files, *, model: str, choice: str, **more: str) -> dict[str, str]:
    """The settings of a server."""
    engine, precision = CHOICES[choice]
    return {
        "DETECTLAB_HOME": str(files.home),
        "DETECTLAB_OFFLINE": "1",
        "DETECTLAB_MODEL": model,
        "DETECTLAB_ENGINE": engine,
        "DETECTLAB_PRECISION": precision,
        **more,
    }


def nano(files: Files, folder: Path) -> tuple[list[Contestant], dict[str, Bare]]:
    """Pictures come back with boxes: the course's way, LitServe and ours with the same network."""
    uploads = folder / "uploads"
    uploads.mkdir(exist_ok=True)
    servers = [Contestant("course", ("bench.course", str(uploads), "--nano"))]
    for choice in CHOICES:
        servers.append(Contestant(choice, SERVE, environment(files, model="nano", choice=choice)))
        if choice != "opencv":
            lit = f"litserve {choice}"
            servers.append(
                Contestant(
                    lit, ("bench.litserver",), environment(files, model="nano", choice=choice)
                )
            )
    return servers, {choice: Bare("nano", *CHOICES[choice]) for choice in CHOICES}


def json_answers(files: Files, folder: Path) -> tuple[list[Contestant], dict[str, Bare]]:
    """The same, asked for JSON."""
    chosen = ("openvino", "int8")
    servers = [
        Contestant(choice, SERVE, environment(files, model="nano", choice=choice), accept=JSON)
        for choice in chosen
    ]
    return servers, {choice: Bare("nano", *CHOICES[choice], as_json=True) for choice in chosen}


def large(files: Files, folder: Path) -> tuple[list[Contestant], dict[str, Bare]]:
    """Photographs of 12 megapixels asked for JSON, decoded at a fraction and whole."""
    pictures = write_large(files.pictures, folder / "large")
    servers = []
    for name, switch in (("scaled", "1"), ("whole", "0")):
        chosen = environment(files, model="nano", choice="int8", DETECTLAB_SCALED_DECODING=switch)
        servers.append(Contestant(name, SERVE, chosen, accept=JSON, pictures=pictures))
    return servers, {}


def tiny(files: Files, folder: Path) -> tuple[list[Contestant], dict[str, Bare]]:
    """The network of yolov3-tiny, in float32 and in int8."""
    assert files.model is not None
    add_int8(files, files.model)
    chosen = ("openvino", "int8")
    servers = [
        Contestant(c, SERVE, environment(files, model=files.model, choice=c)) for c in chosen
    ]
    return servers, {choice: Bare(files.model, *CHOICES[choice]) for choice in chosen}


Group = Callable[[Files, Path], tuple[list[Contestant], dict[str, Bare]]]
ROUNDS: Mapping[str, Group] = {"nano": nano, "json": json_answers, "large": large, "tiny": tiny}
GROUPS = (*ROUNDS, "overload", "alone")


def measure_group(name: str, files: Files, plan: Plan, folder: Path) -> dict[str, Any]:
    """What one group gives, as it is stored."""
    logs = folder / f"logs-{name}"
    logs.mkdir()
    about = {**describe_machine(), "versions": versions(), "note": files.note}
    about["settings"] = {"repeats": plan.repeats, "seconds": plan.seconds}
    if name not in ("alone", "tiny"):
        add_int8(files, "nano")
    if name == "alone":
        with shown(10) as step:
            picture = files.pictures[1]
            return {
                **about,
                "libraries": measure_libraries(files.home, 5, step, picture=picture, engine="auto"),
                "start_s": measure_start(files.home, picture, 5, step, engine="auto"),
                "memory_mb": measure_memory(
                    files.home, files.pictures, logs / "memory.log", 1000, engine="auto"
                ),
            }
    if name == "overload":
        server = Contestant("overload", SERVE, environment(files, model="nano", choice="int8"))
        with started(server, logs / "server.log") as running:
            return {**about, **measure_overload(running, files.pictures, plan.seconds)}
    servers, bare = ROUNDS[name](files, folder)
    beside = len(LOOPS.keys() & set(plan.clients))
    total = plan.repeats * (len(servers) * len(plan.clients) + len(bare) * beside)
    with shown(total) as step:
        found, raw = measure_rounds(servers, bare, files, plan, logs, step)
    return {**about, "servers": found, "raw": raw}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--groups", default=",".join(GROUPS), help=f"some of {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="short, and not kept")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--mirror", help="folder or address with yolov3-tiny's files")
    options = parser.parse_args()
    wanted = [name for name in options.groups.split(",") if name]
    if unknown := set(wanted) - set(GROUPS):
        parser.error(f"there is no group {', '.join(sorted(unknown))}: {', '.join(GROUPS)}")
    if "openvino" not in available():
        parser.error("this compares precisions of OpenVINO, which is not installed")
    plan = Plan(1, 1.0, 0.3, (1, 8)) if options.quick else Plan(options.repeats, 2.0, 0.4, (1, 8))
    stored = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"groups": {}}
    try:
        with tempfile.TemporaryDirectory() as scratch:
            files = prepare(Path(scratch), options.mirror)
            for name in wanted:
                if name == "tiny" and files.model is None:
                    print(f"bench: {files.note}; its last result stays", file=sys.stderr)
                    continue
                stored["groups"][name] = measure_group(name, files, plan, Path(scratch))
                # Kept at once: a later group may fail.
                if not options.quick:
                    stored["bars"] = fast_bars.as_json(stored["groups"])
                    RESULTS.write_text(json.dumps(stored, indent=1) + "\n")
    except ServerFailed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    stored["bars"] = fast_bars.as_json(stored["groups"])
    print(fast_page.page(stored))
    return 0 if all(bar["passed"] for bar in stored["bars"]) else 1


if __name__ == "__main__":
    sys.exit(main())
