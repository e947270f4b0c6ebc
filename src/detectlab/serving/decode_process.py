"""The process in which pictures of unbounded cost are decoded; see `picture_decoder`.

On Linux each picture is decoded in a copy of this process, so that one that has to be ended costs
the start of no other: a process that imports OpenCV takes 0.3 s of processor time to start.
"""

import ctypes
import os
import signal
import sys
from typing import IO

import cv2

from detectlab.serving.child_process import (
    Facts,
    Message,
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


_COPIES_ITSELF = sys.platform == "linux"  # elsewhere, libraries of the system forbid it
_SIGNAL_AT_END_OF_PARENT = 1  # PR_SET_PDEATHSIG


def main() -> None:
    """Decode the pictures of the standard input, until it ends."""
    answers = take_output()
    cv2.setNumThreads(1)
    if not _COPIES_ITSELF:
        end_with_parent()
        _bound_memory()
    write_message(answers, {})
    # Decoders print warnings by the thousand about files that are made to produce them.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    while message := read_message(sys.stdin.buffer):
        if _COPIES_ITSELF:
            _answer_in_copy(message, answers)
        else:
            _answer(message, answers)
        del message  # the next picture may be long in coming


def _answer_in_copy(message: Message, answers: IO[bytes]) -> None:
    copy = os.fork()
    if copy == 0:
        ctypes.CDLL(None).prctl(_SIGNAL_AT_END_OF_PARENT, signal.SIGKILL)
        _bound_memory()
        _answer(message, answers)
        os._exit(0)
    exit_code = os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
    if exit_code == -signal.SIGPROF:  # it ended before its answer began
        write_message(answers, {"exit_code": exit_code})
    elif exit_code:
        os._exit(1)


def _answer(message: Message, answers: IO[bytes]) -> None:
    facts, data = message
    reply, pixels = _decode(bytes(data), facts)
    write_message(answers, reply, b"" if pixels is None else pixels.data)


def _bound_memory() -> None:
    bound_memory(MAX_MEMORY_BYTES + _MORE_MEMORY_BYTES)


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
