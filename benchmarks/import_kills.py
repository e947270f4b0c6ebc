"""Kill `models add` and `models remove` at random moments, beside a server under load.

    python benchmarks/import_kills.py FILE.onnx LABELS [--kills 30] [--seed 0]

After each kill nothing is half registered: the detector is listed with whole files, or it is not
listed; a later add removes what was left. The server never answers 500.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import requests
from serve_command import serve

from detectlab.model_import.trial_pictures import trial_pictures
from detectlab.models.files import verify
from detectlab.models.registry import registry
from detectlab.settings import Settings
from detectlab.vision.images import encode_image

DETECTLAB = (sys.executable, "-m", "detectlab")
NAME = "killed"


def environment(home: Path) -> dict[str, str]:
    """What the commands get: a cache of their own, and no network."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DETECTLAB_")}
    own = {"DETECTLAB_HOME": str(home), "DETECTLAB_OFFLINE": "1", "DETECTLAB_MODEL": "nano"}
    return kept | own


def run(home: Path, *arguments: str, kill_after_s: float | None = None) -> bool:
    """Run a command, and kill it where that is asked; whether it came to its end."""
    with subprocess.Popen(
        [*DETECTLAB, "models", *arguments],
        env=environment(home),
        cwd=home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.wait(kill_after_s) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            return False
    return True


def check_whole(settings: Settings) -> None:
    """Raise `AssertionError` when a detector is listed without its files."""
    if NAME in registry(settings):
        assert set(verify(NAME, settings).values()) == {"ok"}, verify(NAME, settings)


class Asker(threading.Thread):
    """Asks a server for its detectors, and for the one that comes and goes."""

    def __init__(self, url: str, picture: bytes) -> None:
        super().__init__(daemon=True)
        self.statuses: Counter[int] = Counter()
        self._url, self._picture, self._end = url, picture, threading.Event()

    def run(self) -> None:
        while not self._end.is_set():
            for answer in (
                requests.get(f"{self._url}/models", timeout=60),
                requests.get(f"{self._url}/models/{NAME}", timeout=60),
                requests.post(
                    f"{self._url}/predict",
                    params={"model": NAME},
                    files={"file": self._picture},
                    timeout=60,
                ),
            ):
                self.statuses[answer.status_code] += 1

    def stop(self) -> None:
        self._end.set()
        self.join()


def kill_often(home: Path, adding: tuple[str, ...], *, kills: int, seed: int) -> Counter[str]:
    """Kill adds and removals in turn at random moments, and check what is left each time.

    Args:
        home: The cache.
        adding: Arguments of the add.
        kills: How many commands are killed.
        seed: Seed of the moments.
    """
    rng, outcomes = random.Random(seed), Counter[str]()
    settings, removing = Settings(home=home, offline=True), ("remove", NAME)
    while sum(count for text, count in outcomes.items() if "killed" in text) < kills:
        for arguments in (adding, removing):
            begin = time.monotonic()
            if (NAME in registry(settings)) == (arguments == removing):
                assert run(home, *arguments)
                span_s = time.monotonic() - begin
                # The moment is within the time that the same command just took.
                undoing = adding if arguments == removing else removing
                assert run(home, *undoing)
                ended = run(home, *arguments, kill_after_s=rng.uniform(0.3, 1) * span_s)
                check_whole(settings)
                state = "whole" if NAME in registry(settings) else "absent"
                ending = "finished" if ended else "killed"
                outcomes[f"{arguments[0]} {ending}, detector {state}"] += 1
    return outcomes


def measure(file: Path, labels: Path, *, kills: int, seed: int) -> dict[str, object]:
    """Kill adds and removals; what was left each time, and what the server answered.

    Args:
        file: The ONNX file.
        labels: Its class names.
        kills: How many commands are killed.
        seed: Seed of the moments.
    """
    picture = encode_image(trial_pictures()["car"])
    with tempfile.TemporaryDirectory() as folder, serve(environment(Path(folder))) as (url, _):
        home = Path(folder)
        adding = ("add", NAME, str(file.absolute()), "--labels", str(labels.absolute()))
        asker = Asker(url, picture)
        asker.start()
        outcomes = kill_often(home, adding, kills=kills, seed=seed)
        if NAME in registry(Settings(home=home, offline=True)):
            assert run(home, "remove", NAME)
        assert run(home, *adding)  # and what the killed ones left is gone
        left = [path.name for path in (home / "own").iterdir() if path.is_dir()]
        assert left == [NAME], left
        asker.stop()
        assert not any(status >= 500 and status != 503 for status in asker.statuses)
    return {"kills": kills, "outcomes": outcomes, "statuses": asker.statuses}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    row = measure(options.file, options.labels, kills=options.kills, seed=options.seed)
    print(json.dumps(row))


if __name__ == "__main__":
    main()
