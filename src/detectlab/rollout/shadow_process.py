"""The process in which a shadow candidate runs; see `ProcessRunner`.

It reads pictures from its standard input and writes what was found to its standard output.
"""

import os
import sys
import threading
import time
from pathlib import Path
from typing import IO

import cv2

from detectlab.rollout.detections_json import to_json
from detectlab.rollout.lanes import load_side
from detectlab.rollout.plan import Side
from detectlab.rollout.shadow_runners import Facts, Task, detect_task, read_message, write_message

_ORPHAN_CHECK_S = 1.0


def main() -> None:
    """Load the candidate, then answer until the input ends."""
    side, memory_mb = Side.model_validate_json(sys.argv[1]), int(sys.argv[2])
    answers = _take_output()
    # One core: the others are for those whom people wait for.
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_the_parent, args=(os.getppid(),), daemon=True).start()
    try:
        detector = load_side(side)
    except Exception as error:
        write_message(answers, {"error": f"{type(error).__name__}: {error}"})
        return
    _bound_memory(memory_mb << 20)
    write_message(answers, {})
    while message := read_message(sys.stdin.buffer):
        facts, data = message
        write_message(answers, _answer(detector, Task(data=data, **facts)))


def _answer(detector: object, task: Task) -> Facts:
    try:
        found, seconds, size_wh = detect_task(detector, task)  # type: ignore[arg-type]
    except Exception as error:  # whatever a candidate may raise is what we want to know
        return {"error": f"{type(error).__name__}: {error}"[:500]}
    return {"detections": to_json(found), "seconds": seconds, "size_wh": size_wh}


def _take_output() -> IO[bytes]:
    """Keep the standard output for answers: what a library prints goes to the errors."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _bound_memory(more_bytes: int) -> None:
    """Let an allocation fail that goes more than `more_bytes` beyond what is held now.

    Linux only: elsewhere the limit does not exist, or is not kept.
    """
    held = Path("/proc/self/statm")
    if held.exists():
        import resource

        pages = int(held.read_text().split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + more_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _end_with_the_parent(parent: int) -> None:
    """End when the server was killed, in the middle of a picture that never ends, too."""
    while os.getppid() == parent:
        time.sleep(_ORPHAN_CHECK_S)
    os._exit(1)


if __name__ == "__main__":
    main()
