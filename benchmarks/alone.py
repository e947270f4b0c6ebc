"""A network namespace for a benchmark: no other traffic, and ports of its own."""

import os
import shutil
import subprocess
import sys

MARK = "DETECTLAB_OWN_NETWORK"  # a variable that says that this program is in one


def enter_own_network() -> None:
    """Start this program again in a network of its own, where the system allows that."""
    if os.environ.get(MARK) or not (shutil.which("unshare") and shutil.which("ip")):
        return
    enter = ["unshare", "--net", "--map-root-user"]
    up = ["ip", "link", "set", "lo", "up"]
    if subprocess.run([*enter, *up], capture_output=True, check=False).returncode:
        return
    again = f'{" ".join(up)} && exec "$0" "$@"'
    os.environ[MARK] = "1"
    os.execvp(enter[0], [*enter, "sh", "-c", again, sys.executable, *sys.argv])
