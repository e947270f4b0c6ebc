"""How much memory a detector takes, measured in a process that does nothing else.

`python -m detectlab.compare.memory NAME [SIDE]` prints the bytes by which it grows.
"""

import os
import subprocess
import sys
from pathlib import Path

from detectlab.compare.contender import Contender

_TIMEOUT_S = 300


def measure_memory(contender: Contender) -> int | None:
    """Bytes by which a process grows that loads a detector and asks it, or `None`.

    `None` where the system does not tell, or the detector does not run alone.
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


def resident_bytes() -> int:
    """Memory that this process holds now; its largest so far where the system only tells that."""
    if Path("/proc/self/statm").exists():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource  # not on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main(arguments: list[str]) -> None:
    """Load a detector, ask it about two pictures, and print by how much this process grew."""
    import numpy as np

    from detectlab.detection.detector import load_detector

    name, *side = arguments
    picture = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    before = resident_bytes()
    detector = load_detector(name, input_size=int(side[0]) if side else None)
    for _ in range(2):  # some buffers come with the second picture
        detector.detect(picture)
    print(resident_bytes() - before)


if __name__ == "__main__":
    main(sys.argv[1:])
