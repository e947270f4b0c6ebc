"""The port, bound before uvicorn sees it: one in use is an error in the cell that asked for it."""

import errno
import os
import socket

_BACKLOG = 128


class ServerStartError(RuntimeError):
    """The server did not start; the message says what to do."""


def default_host() -> str:
    """127.0.0.1, or 0.0.0.0 when the environment says that this is a container."""
    # The course's image sets DOCKER-SETUP; only in a container must other machines get in.
    marks = (os.environ.get(name, "") for name in ("DOCKER-SETUP", "DETECTLAB_CONTAINER"))
    inside = any(mark.lower() not in {"", "0", "false", "no"} for mark in marks)
    return "0.0.0.0" if inside else "127.0.0.1"


def bind(host: str, port: int) -> socket.socket:
    """Open a socket that listens on `port`.

    Raises:
        ServerStartError: The port is taken or not allowed, or `host` is not this machine.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if os.name == "posix":  # elsewhere the option would let two programs share the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit it. asyncio's loop sets it only on sockets that name their protocol, and
    # without it an answer waits 40 ms for the client's word that its beginning has arrived.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)  # from here on nobody else gets the port
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            problem = f"Port {port} on {host} is taken by another program."
            advice = "Stop the other server (perhaps another notebook's), or pass another port:"
        else:
            problem = f"Cannot listen on port {port} of {host}: {error.strerror}."
            advice = "Leave `host` out, and pass a port above 1023:"
        raise ServerStartError(f"{problem} {advice} port=0 takes any free one.") from None
    return listener
