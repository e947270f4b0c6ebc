"""Memory that a detector takes, measured in a process of its own.

`python -m detectlab.compare.memory NAME [SIDE]` prints the bytes by which it grows.
"""

import subprocess
import sys

import psutil

from detectlab.compare.contender import Contender

_TIMEOUT_S = 300


def measure_memory(contender: Contender) -> int | None:
    """Bytes by which a process grows that loads a detector and runs it.

    Returns:
        The growth, or `None` where the detector does not run in a process of its own.
    """
    side = [] if contender.input_size is None else [str(contender.input_size)]
    command = [sys.executable, "-m", "detectlab.compare.memory", contender.model, *side]
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S
        )
        return int(run.stdout.split()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return None


def main(arguments: list[str]) -> None:
    """Load a detector, run it on two pictures, and print the growth of this process in bytes."""
    import numpy as np

    from detectlab.detection.detector import load_detector

    name, *side = arguments
    picture = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    process = psutil.Process()
    before = process.memory_info().rss
    detector = load_detector(name, input_size=int(side[0]) if side else None)
    for _ in range(2):  # some buffers are allocated with the second picture
        detector.detect(picture)
    print(process.memory_info().rss - before)


if __name__ == "__main__":
    main(sys.argv[1:])
