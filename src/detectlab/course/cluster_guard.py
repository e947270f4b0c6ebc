"""Stops a cluster when its owner has gone: `python -m detectlab.course.cluster_guard FILE`.

Reads its input to the end, which comes when that process closes it, ends, or is killed.
"""

import shutil
import sys
from pathlib import Path

from detectlab.cluster.local_nodes import Machine


def main(file: Path) -> None:
    """Wait for the end of the input, then stop the cluster that the file describes.

    Args:
        file: As `Machine.save` wrote it; its folder goes with the cluster.
    """
    sys.stdin.buffer.read()
    machine = Machine.find(file)
    if machine is not None:
        machine.stop()
    shutil.rmtree(file.parent, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
