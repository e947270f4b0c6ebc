"""The process of a shadow candidate; see `ProcessRunner`.

It reads tasks from its standard input and writes results to its standard output.
"""

import json
import os
import struct
import sys
import threading
import time
from typing import IO, Any

import cv2
import psutil

from detectlab.detection.detector import Detector
from detectlab.rollout.detections_json import to_json
from detectlab.rollout.plan import Version
from detectlab.rollout.shadow_runners import Task, detect_task
from detectlab.rollout.versions import load_version

_ORPHAN_CHECK_S = 1.0
_LENGTHS = struct.Struct(">II")

Header = dict[str, Any]


def write_message(pipe: IO[bytes], header: Header, data: bytes = b"") -> None:
    """Send a message.

    Args:
        pipe: To the other process.
        header: Sent as JSON.
        data: Sent as it is.
    """
    head = json.dumps(header).encode()
    pipe.write(_LENGTHS.pack(len(head), len(data)) + head + data)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> tuple[Header, bytes] | None:
    """The next message of `write_message`: header and data, or `None` at the end of the pipe."""
    lengths = pipe.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_length, data_length = _LENGTHS.unpack(lengths)
    head, data = pipe.read(head_length), pipe.read(data_length)
    if len(head) < head_length or len(data) < data_length:
        return None
    return json.loads(head), data


def main() -> None:
    """Load the candidate, then process tasks until the input ends."""
    version, memory_mb = Version.model_validate_json(sys.argv[1]), int(sys.argv[2])
    answers = _take_output()
    # One core: the others are for requests that clients wait for.
    cv2.setNumThreads(1)
    threading.Thread(target=_exit_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        detector = load_version(version)
    except Exception as error:
        write_message(answers, {"error": f"{type(error).__name__}: {error}"})
        return
    _bound_memory(memory_mb << 20)
    write_message(answers, {})
    while message := read_message(sys.stdin.buffer):
        header, data = message
        write_message(answers, _result(detector, Task(data=data, **header)))


def _result(detector: Detector, task: Task) -> Header:
    try:
        found, seconds = detect_task(detector, task)
    except Exception as error:  # whatever a candidate raises is its result
        return {"error": f"{type(error).__name__}: {error}"[:500]}
    return {"detections": to_json(found), "seconds": seconds}


def _take_output() -> IO[bytes]:
    """The standard output; whatever a library prints goes to the standard error instead."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _bound_memory(more_bytes: int) -> None:
    """Make allocations fail beyond `more_bytes` more than now.

    Linux only: elsewhere the limit does not exist, or is not enforced.
    """
    if psutil.LINUX:
        process = psutil.Process()
        limit = process.memory_info().vms + more_bytes
        process.rlimit(psutil.RLIMIT_AS, (limit, limit))


def _exit_with_parent(parent: int) -> None:
    """Exit when the server was killed, also in the middle of a picture that never ends."""
    while os.getppid() == parent:
        time.sleep(_ORPHAN_CHECK_S)
    os._exit(1)


if __name__ == "__main__":
    main()
