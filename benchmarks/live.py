"""A live camera: frames a second and delay, other clients' photographs beside it, memory.

    python benchmarks/live.py [--seconds 20] [--minutes 2] [--out benchmarks/results/live.json]

Chromium shows `/live` of a real `detectlab serve` with nano, with its fake camera, and the page's
own figures are read. Then a client posts a photograph, in rounds with and without a stream beside
it. At last four streams run for `--minutes`, while the server's memory is read.
"""

import argparse
import io
import json
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests
from hostile_server import Server, served
from machine import ROOT, describe_machine
from PIL import Image
from playwright.sync_api import expect, sync_playwright
from websockets.sync.client import connect

MIN_FRAMES_PER_S, MAX_DELAY_MS, MAX_PHOTO_RATIO, MAX_GROWTH_MB = 15.0, 150.0, 1.2, 20.0
ROUNDS = 6
STREAMS = 4
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


def page_figures(server: Server, seconds: float) -> dict[str, float]:
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
        for _ in range(int(seconds)):
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
def streaming(server: Server, frame: bytes) -> Iterator[list[float]]:
    """A stream beside the block, which sends a frame whenever an answer is back.

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

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield took
    finally:
        ended.set()
        thread.join(10)


def photo_figures(server: Server, frame: bytes, seconds: float) -> dict[str, float]:
    """The median time of a photograph, without and with a stream beside it, in turns."""
    photo = (ROOT / "images" / "fruits.jpg").read_bytes()
    alone: list[float] = []
    beside: list[float] = []
    frames, streamed_s = 0, 0.0
    with requests.Session() as session:
        measure(session, server, photo, 2.0)  # warm-up
        for _ in range(ROUNDS):
            alone += measure(session, server, photo, seconds / ROUNDS)
            with streaming(server, frame) as took:
                beside += measure(session, server, photo, seconds / ROUNDS)
                frames, streamed_s = frames + len(took), streamed_s + seconds / ROUNDS
    return {
        "photo_alone_ms": round(1000 * statistics.median(alone), 1),
        "photo_beside_ms": round(1000 * statistics.median(beside), 1),
        "photo_ratio": round(statistics.median(beside) / statistics.median(alone), 3),
        "stream_frames_per_s": round(frames / streamed_s, 1),
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


def memory_figures(server: Server, frame: bytes, minutes: float) -> dict[str, float]:
    """The server's memory with four streams: after a quarter of the time, and at the end."""
    with ExitStack() as streams:
        for _ in range(STREAMS):
            streams.enter_context(streaming(server, frame))
        samples = []
        for _ in range(max(8, int(minutes * 12))):
            time.sleep(minutes * 60 / max(8, int(minutes * 12)))
            samples.append(server.megabytes())
    early, late = samples[len(samples) // 4 : len(samples) // 2], samples[-len(samples) // 4 :]
    return {
        "minutes": minutes,
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


def main() -> int:
    """Measure, print, and give 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    frame = small_frame()
    figures: dict[str, Any] = {}
    with served(ROOT) as server:
        for part in (
            page_figures(server, options.seconds),
            photo_figures(server, frame, options.seconds),
            memory_figures(server, frame, options.minutes),
        ):
            figures |= part
            print(json.dumps(part), flush=True)
    bars = {
        f"at least {MIN_FRAMES_PER_S:g} frames/s": figures["frames_per_s"] >= MIN_FRAMES_PER_S,
        f"at most {MAX_DELAY_MS:g} ms from frame to boxes": figures["delay_ms"] <= MAX_DELAY_MS,
        f"photographs at most {MAX_PHOTO_RATIO} times as slow": figures["photo_ratio"]
        <= MAX_PHOTO_RATIO,
        f"memory grows by at most {MAX_GROWTH_MB:g} MB": figures["growth_mb"] <= MAX_GROWTH_MB,
    }
    for bar, is_met in bars.items():
        print("met   " if is_met else "MISSED", bar)
    if options.out:
        whole = {"machine": describe_machine(), "figures": figures, "bars": bars}
        options.out.write_text(json.dumps(whole, indent=2) + "\n", "utf-8")
    return 0 if all(bars.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
