"""Whose server answers: on a shared machine, two learners may meet at one port."""

import getpass

from detectlab.kernel.forwarded_prefix import is_loopback


def owner_headers(host: str) -> list[tuple[str, str]]:
    """Response headers that name the user who runs a server: `X-Served-By`.

    Args:
        host: Address that the server listens on; beyond this machine, nothing is told.
    """
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user id without a name, in a container
        name = ""
    # Header values are Latin-1 without control characters.
    known = "".join(sign for sign in name if " " < sign <= "~")
    return [("X-Served-By", known)] if known and is_loopback(host) else []
