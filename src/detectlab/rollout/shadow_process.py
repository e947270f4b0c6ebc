"""The process of a shadow candidate; see `ProcessRunner`."""

import sys

import cv2

from detectlab.detection.detector import Detector
from detectlab.rollout.detections_json import to_json
from detectlab.rollout.plan import Version
from detectlab.rollout.shadow_runners import Task, detect_task
from detectlab.rollout.versions import load_version
from detectlab.serving.child_process import (
    Facts,
    bound_memory,
    end_with_parent,
    read_message,
    take_output,
    write_message,
)


def main() -> None:
    """Load the candidate, then process tasks until the input ends."""
    version, memory_mb = Version.model_validate_json(sys.argv[1]), int(sys.argv[2])
    answers = take_output()
    # One core: the others are for requests that clients wait for.
    cv2.setNumThreads(1)
    end_with_parent()
    try:
        detector = load_version(version)
    except Exception as error:
        write_message(answers, {"error": f"{type(error).__name__}: {error}"})
        return
    bound_memory(memory_mb << 20)
    write_message(answers, {})
    while message := read_message(sys.stdin.buffer):
        facts, data = message
        write_message(answers, _result(detector, Task(data=bytes(data), **facts)))


def _result(detector: Detector, task: Task) -> Facts:
    try:
        found, seconds = detect_task(detector, task)
    except Exception as error:  # whatever a candidate raises is its result
        return {"error": f"{type(error).__name__}: {error}"[:500]}
    return {"detections": to_json(found), "seconds": seconds}


if __name__ == "__main__":
    main()
