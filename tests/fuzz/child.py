"""The process that reads an input as the service does, and measures what that costs."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import cv2
from starlette.requests import Request

from detectlab.serving.child_process import (
    Facts,
    end_with_parent,
    read_message,
    take_output,
    write_message,
)
from detectlab.serving.deadline import Deadline
from detectlab.serving.errors import Refusal
from detectlab.serving.picture_decoder import processor_seconds
from detectlab.serving.uploads import Intake, read_picture
from detectlab.settings import Settings
from detectlab.vision.images import ImageError, check_header, decode_checked

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def main() -> None:
    answers = take_output()
    end_with_parent()
    cv2.setNumThreads(1)
    write_message(answers, {})
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    while message := read_message(sys.stdin.buffer):
        facts, data = message
        write_message(answers, measure(bytes(data), facts["is_form"]))


def measure(data: bytes, is_form: bool) -> Facts:
    if CLEAR.exists():
        CLEAR.write_text("5")  # the peak begins anew
    before, started = peak_mb(), time.process_time()
    try:
        outcome = asyncio.run(read_form(data)) if is_form else decode(data)
    except (ImageError, Refusal) as error:
        outcome = f"refused: {error}"
    bound_processor_time(0)
    seconds = time.process_time() - started
    return {"seconds": seconds, "megabytes": peak_mb() - before, "outcome": outcome}


def decode(data: bytes) -> str:
    """Decode it, with the limit on time that the service has for what is not plain."""
    header = check_header(data)
    if not header.is_plain:
        bound_processor_time(processor_seconds(header))
    return "decoded to " + " x ".join(map(str, decode_checked(data, header).pixels.shape))


def bound_processor_time(seconds: float) -> None:
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_PROF, seconds)


async def read_form(body: bytes) -> str:
    chunks = [body[n : n + 65_536] for n in range(0, len(body), 65_536)] or [b""]

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    with Intake(1 << 30).hold() as held:
        file = await read_picture(request, Settings(), Deadline(60), held)
    return f"a file of {len(file.data):,} bytes"


def peak_mb() -> float:
    with contextlib.suppress(OSError):
        peak = next(x for x in STATUS.read_text().splitlines() if x.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
