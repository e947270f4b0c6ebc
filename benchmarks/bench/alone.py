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

# What no server of this kind does without: its libraries, the network, and one picture.
_LIBRARIES = """
import sys, cv2, fastapi, prometheus_client, psutil, uvicorn
from detectlab.detection.detector import load_detector
load_detector("nano").detect(cv2.imread(sys.argv[1]))
print(psutil.Process().memory_info().rss / 2**20)
"""


def measure_libraries(
    home: Path, repeats: int, progress: Progress, *, picture: Path, engine: str
) -> dict[str, float]:
    """Seconds and resident megabytes of a process that loads the libraries and runs the network.

    Args:
        home: The cache folder; with OpenVINO, it holds a compiled network after the first run.
        repeats: How often.
        progress: Called at the beginning of each run.
        picture: What the network is run on.
        engine: What runs the network.
    """
    seconds, memory_mb = [], []
    for _ in range(repeats):
        progress("libraries alone")
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _LIBRARIES, str(picture)],
            env=plain_environment(
                **{**NANO, "DETECTLAB_ENGINE": engine, "DETECTLAB_HOME": str(home)}
            ),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        seconds.append(time.perf_counter() - begin)
        memory_mb.append(float(done.stdout))
    return {
        "start_s": spread(seconds)["median"],
        "memory_mb": round(spread(memory_mb)["median"], 1),
    }


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
