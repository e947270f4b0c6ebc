"""The listening socket, bound before uvicorn starts: a port in use is an error of the caller."""

import errno
import os
import socket

_BACKLOG = 2048


class ServerStartError(RuntimeError):
    """The server did not start; the message says what to do."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows instead of a traceback: the reader did nothing wrong in Python."""
        return [f"ServerStartError: {self}"]


def default_host() -> str:
    """127.0.0.1, or 0.0.0.0 when the environment says that this is a container."""
    # The course's image sets DOCKER-SETUP; only in a container must other machines get in.
    marks = (os.environ.get(name, "") for name in ("DOCKER-SETUP", "DETECTLAB_CONTAINER"))
    inside = any(mark.lower() not in {"", "0", "false", "no"} for mark in marks)
    return "0.0.0.0" if inside else "127.0.0.1"


def bind(host: str, port: int) -> socket.socket:
    """Open a listening TCP socket.

    Args:
        host: Address of this machine, IPv4 or IPv6.
        port: Port to listen on; 0 for any free one.

    Returns:
        The socket; from now on no other program gets the port.

    Raises:
        ServerStartError: The port is taken or not allowed, or `host` is not this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = f"Port {port} on {host} is taken by another program."
            advice = "Stop the other server (perhaps another notebook's), or choose another port"
        else:
            reason = str(error.strerror).partition(" (while attempting")[0]
            problem = f"Cannot listen on port {port} of {host}: {reason}."
            advice = "Use the default host, and choose a port above 1023"
        raise ServerStartError(f"{problem} {advice}; port 0 takes any free one.") from None
    # Connections inherit the option. asyncio sets it only on sockets that name their protocol, and
    # without it the end of an answer waits 40 ms for the client's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
