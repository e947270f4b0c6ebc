"""A live camera: frames a second and delay, other clients' photographs beside it, memory.

    python benchmarks/live.py [PART...] [--seconds 20] [--minutes 2] [--pause 0] [--out FILE]

Each part starts a real `detectlab serve` with nano. `page`: Chromium shows `/live` with its fake
camera, and the page's own figures are read. `photos`: a client posts a photograph, in rounds with
and without a stream beside it. `memory`: four streams run for `--minutes`, with `--pause` seconds
after each answer, while the server's memory is read. What other parts wrote to `--out` is kept.
"""

import argparse
import io
import json
import math
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests
from hostile_server import Server, served
from machine import ROOT, describe_machine
from PIL import Image
from playwright.sync_api import expect, sync_playwright
from websockets.sync.client import connect

ROUNDS = 6
STREAMS = 4
_LEAST_SAMPLES = 8  # of the memory, 5 seconds apart where the time allows it
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


def page_figures(server: Server, options: argparse.Namespace) -> dict[str, float]:
    """What the page shows, read once a second after it has warmed up; medians."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *CAMERA])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{server.url}/live")
        page.get_by_role("button", name="Start").click()
        expect(page.locator("#rate")).not_to_have_text("0", timeout=60_000)
        page.wait_for_timeout(5000)
        rows = []
        for _ in range(int(options.seconds)):
            page.wait_for_timeout(1000)
            shown = (page.locator(f"#{name}").inner_text() for name in ("rate", "delay"))
            rows.append([float(text) for text in shown])
        browser.close()
    rates, delays = zip(*rows, strict=True)
    return {
        "frames_per_s": round(statistics.median(rates), 1),
        "delay_ms": round(statistics.median(delays)),
        "slowest_frames_per_s": min(rates),
        "longest_delay_ms": max(delays),
    }


@contextmanager
def streaming(server: Server, frame: bytes, pause_s: float = 0.0) -> Iterator[list[float]]:
    """A stream beside the block, which sends a frame whenever an answer is back.

    Args:
        server: Answers it.
        frame: A picture file, sent again and again.
        pause_s: Seconds between an answer and the next frame.

    Yields:
        The seconds that each answer took, filled meanwhile.
    """
    took: list[float] = []
    ended = threading.Event()

    def run() -> None:
        with connect(f"{server.url.replace('http', 'ws')}/stream?model=nano") as socket:
            socket.recv()
            while not ended.is_set():
                started = time.perf_counter()
                socket.send(frame)
                socket.recv()
                took.append(time.perf_counter() - started)
                ended.wait(pause_s)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield took
    finally:
        ended.set()
        thread.join(10)


def photo_figures(server: Server, options: argparse.Namespace) -> dict[str, float]:
    """The median time of a photograph, without and with a stream beside it, in turns."""
    photo, frame = (ROOT / "images" / "fruits.jpg").read_bytes(), small_frame()
    round_s = options.seconds / ROUNDS
    alone: list[float] = []
    beside: list[float] = []
    ratios, frames = [], 0
    with requests.Session() as session:
        measure(session, server, photo, 2.0)  # warm-up
        for _ in range(ROUNDS):
            without = measure(session, server, photo, round_s)
            with streaming(server, frame) as took:
                with_it = measure(session, server, photo, round_s)
                frames += len(took)
            ratios.append(statistics.median(with_it) / statistics.median(without))
            alone, beside = alone + without, beside + with_it
    return {
        "photo_alone_ms": round(1000 * statistics.median(alone), 1),
        "photo_beside_ms": round(1000 * statistics.median(beside), 1),
        "photo_ratio": round(statistics.median(beside) / statistics.median(alone), 3),
        "least_ratio_of_a_round": round(min(ratios), 3),
        "largest_ratio_of_a_round": round(max(ratios), 3),
        "stream_frames_per_s": round(frames / options.seconds, 1),
    }


def measure(session: requests.Session, server: Server, photo: bytes, seconds: float) -> list[float]:
    """Post a photograph again and again, and give the seconds of each."""
    took = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        answer = session.post(f"{server.url}/predict", files={"file": photo}, timeout=60)
        answer.raise_for_status()
        took.append(time.perf_counter() - started)
        time.sleep(0.05)
    return took


def memory_figures(server: Server, options: argparse.Namespace) -> dict[str, float]:
    """The server's memory with four streams: in the second quarter of the time, and the last."""
    frame, whole_s = small_frame(), 60 * options.minutes
    count = max(_LEAST_SAMPLES, int(whole_s / 5))
    with ExitStack() as streams:
        running = [
            streams.enter_context(streaming(server, frame, options.pause)) for _ in range(STREAMS)
        ]
        samples = []
        for _ in range(count):
            time.sleep(whole_s / count)
            samples.append(server.megabytes())
    early, late = samples[count // 4 : count // 2], samples[-count // 4 :]
    return {
        "minutes": options.minutes,
        "frames": sum(len(took) for took in running),
        "early_mb": round(statistics.median(early), 1),
        "late_mb": round(statistics.median(late), 1),
        "growth_mb": round(statistics.median(late) - statistics.median(early), 1),
    }


def small_frame() -> bytes:
    """A frame as the page sends it: 480 pixels wide."""
    file = io.BytesIO()
    with Image.open(ROOT / "images" / "apple.jpg") as photo:
        photo.resize((480, 360)).save(file, "JPEG", quality=80)
    return file.getvalue()


Part = Callable[[Server, argparse.Namespace], dict[str, float]]
PARTS: dict[str, Part] = {"page": page_figures, "photos": photo_figures, "memory": memory_figures}
# Of each part: the figures that count, with the least and the largest that is good.
BARS = {
    "page": {"frames_per_s": (15.0, math.inf), "delay_ms": (0.0, 150.0)},
    "photos": {"photo_ratio": (0.0, 1.2)},
    "memory": {"growth_mb": (-math.inf, 20.0)},
}


def main() -> int:
    """Measure, print, and give 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; or all")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results = {}
    for name in options.parts or PARTS:
        with served(ROOT) as server:
            figures = PARTS[name](server, options)
        bars = BARS[name].items()
        missed = [key for key, (low, high) in bars if not low <= figures[key] <= high]
        print(json.dumps(figures), f"MISSED: {', '.join(missed)}" if missed else "met", flush=True)
        results[name] = {"machine": describe_machine(), "figures": figures, "missed": missed}
    if options.out:
        before = json.loads(options.out.read_text("utf-8")) if options.out.exists() else {}
        options.out.write_text(json.dumps(before | results, indent=2) + "\n", "utf-8")
    return int(any(result["missed"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
