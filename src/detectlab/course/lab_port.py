"""The port of the learner's server: chosen by one notebook, read by the other.

On a shared machine each learner gets a free port, written to a file in `DETECTLAB_HOME`.
`DETECTLAB_PORT` overrides both.
"""

import os
import socket
from contextlib import suppress
from pathlib import Path

from detectlab.cluster.processes import free_ports
from detectlab.kernel.server import is_ours
from detectlab.settings import Settings

USUAL_PORT = 8000


def choose_port() -> int:
    """The port to serve at: `DETECTLAB_PORT`, the last one, 8000, or any free port.

    A port that another program uses is passed over; one of this kernel's own server is not. The
    choice is written to a file for `find_port`.
    """
    if given := os.environ.get("DETECTLAB_PORT"):
        return int(given)
    usable = (port for port in (find_port(), USUAL_PORT) if is_ours(port) or _is_free(port))
    port = next(usable, None) or free_ports(1)[0]
    with suppress(OSError):  # without a place to write, both notebooks use what they can
        _file().parent.mkdir(parents=True, exist_ok=True)
        _file().write_text(f"{port}\n", "utf-8")
    return port


def find_port() -> int:
    """The port that this user's server notebook chose last; 8000 when there is none."""
    if given := os.environ.get("DETECTLAB_PORT"):
        return int(given)
    with suppress(OSError, ValueError):
        port = int(_file().read_text("utf-8"))
        if 0 < port <= 65535:
            return port
    return USUAL_PORT


def _file() -> Path:
    return Settings().home / "lab-port"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if os.name == "posix":  # as the server: a port in TIME_WAIT is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
