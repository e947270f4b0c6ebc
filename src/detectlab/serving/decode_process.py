"""The process in which pictures of unbounded cost are decoded; see `picture_decoder`."""

import os
import signal
import sys

import cv2

from detectlab.serving.child_process import (
    Facts,
    bound_memory,
    end_with_parent,
    read_message,
    take_output,
    write_message,
)
from detectlab.vision.headers.base import MAX_MEMORY_BYTES
from detectlab.vision.images import ImageError, Pixels, decode_image

# The file, its copy in a decoder's buffer, and what the libraries take themselves.
_MORE_MEMORY_BYTES = 96 << 20


def main() -> None:
    """Decode the pictures of the standard input, until it ends."""
    answers = take_output()
    end_with_parent()
    cv2.setNumThreads(1)
    bound_memory(MAX_MEMORY_BYTES + _MORE_MEMORY_BYTES)
    write_message(answers, {})
    # Decoders print warnings by the thousand about files that are made to produce them.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    while message := read_message(sys.stdin.buffer):
        facts, data = message
        reply, pixels = _decode(bytes(data), facts)
        write_message(answers, reply, b"" if pixels is None else pixels.data)
        del message, data, pixels  # the next picture may be long in coming


def _decode(data: bytes, facts: Facts) -> tuple[Facts, Pixels | None]:
    _bound_processor_time(facts["processor_s"])
    try:
        picture = decode_image(data, facts["max_pixels"])
    except ImageError as error:
        return {"error": str(error), "reason": error.reason}, None
    except MemoryError:
        return {
            "error": "It takes too much memory to decode this picture.",
            "reason": "too_large",
        }, None
    finally:
        _bound_processor_time(0)
    return {"shape": picture.pixels.shape, "format": picture.format}, picture.pixels


def _bound_processor_time(seconds: float) -> None:
    """End this process after so many more seconds of processor time; 0: never."""
    if hasattr(signal, "setitimer"):  # not on Windows, where the parent's time limit is all
        signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    main()
