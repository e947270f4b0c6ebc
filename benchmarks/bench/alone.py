"""What is measured of one process alone: its start, its memory, and the command line's time."""

import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from detectlab.detection.detector import load_detector

from .contestants import Contestant, ServerFailed, plain_environment, started
from .load import drive as drive_here
from .rounds import Progress, drive, spread

NANO = {"DETECTLAB_MODEL": "nano", "DETECTLAB_ENGINE": "opencv", "DETECTLAB_OFFLINE": "1"}


def measure_start(
    home: Path, picture: Path, repeats: int, progress: Progress, *, engine: str = "opencv"
) -> dict[str, float]:
    """Seconds from starting `detectlab serve` to the first right answer of `nano`.

    Args:
        home: The cache folder; with OpenVINO, the first start leaves a compiled network there.
        picture: What is asked about.
        repeats: How often.
        progress: Called at the beginning of each start.
        engine: What runs the network.
    """
    pixels = np.asarray(cv2.imread(str(picture)))
    right = len(load_detector("nano", engine="opencv").detect(pixels))
    seconds = []
    for _ in range(repeats):
        progress("start")
        begin = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "detectlab", "serve", "--port=0"],
            env=plain_environment(
                **{**NANO, "DETECTLAB_ENGINE": engine, "DETECTLAB_HOME": str(home)}
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with process:
            try:
                assert process.stdout is not None
                url = process.stdout.readline().split()[2]
                # The socket listens by now: the request waits in it until it is answered.
                found = drive_here(f"{url}/predict", [picture.read_bytes()], requests=1)
                seconds.append(time.perf_counter() - begin)
                if f"x-detections: {right}\r" not in found["last_head"] + "\r":
                    raise ServerFailed(f"The first answer is wrong: {found['last_head']}")
            finally:
                process.terminate()
    return spread(seconds)


def measure_memory(
    home: Path, pictures: list[Path], log: Path, requests: int, *, engine: str = "opencv"
) -> dict[str, float]:
    """Resident megabytes of a server with `nano`, fresh and after many requests of 8 clients."""
    server = Contestant(
        "memory",
        ("detectlab", "serve", "--port=0"),
        {**NANO, "DETECTLAB_ENGINE": engine, "DETECTLAB_HOME": str(home)},
    )
    with started(server, log) as running:
        fresh = running.process.memory_info().rss
        drive(running, pictures, "--clients=8", f"--requests={requests}")
        full = running.process.memory_info().rss
    return {"fresh": round(fresh / 2**20, 1), "after_requests": round(full / 2**20, 1)}


def measure_cli(home: Path, picture: Path, repeats: int, progress: Progress) -> dict[str, float]:
    """Seconds of `detectlab detect` for one picture with `nano`."""
    seconds = []
    for _ in range(repeats):
        progress("command line")
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "detectlab", "detect", "--json", str(picture)],
            env=plain_environment(**NANO, DETECTLAB_HOME=str(home)),
            stdout=subprocess.DEVNULL,
            check=True,
        )
        seconds.append(time.perf_counter() - begin)
    return spread(seconds)
