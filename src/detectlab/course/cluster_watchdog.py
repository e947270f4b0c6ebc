"""Watchdog of a notebook's cluster: `python -m detectlab.course.cluster_watchdog FILE`.

Stops the cluster when standard input ends: when the parent closes it, exits, or is killed.
"""

import shutil
import sys
from pathlib import Path

from detectlab.cluster.local_nodes import Machine


def main(file: Path) -> None:
    """Wait for the end of standard input, then stop the cluster of the file.

    Args:
        file: File that `Machine.save` wrote; its folder is removed as well.
    """
    sys.stdin.buffer.read()
    machine = Machine.find(file)
    if machine is not None:
        machine.stop()
    shutil.rmtree(file.parent, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
