"""The token that operators of a server without an API key send."""

import ipaddress
import os
from pathlib import Path
from urllib.parse import urlsplit


def local_operator_token(url: str) -> str | None:
    """The token of this user's servers on this machine, or `None` for other machines.

    It is what `DETECTLAB_OPERATOR_TOKEN` says, else what a server wrote to its file.

    Args:
        url: Address of the server: the token is for its own machine only.
    """
    if not _is_loopback(urlsplit(url).hostname or ""):
        return None
    if token := os.environ.get("DETECTLAB_OPERATOR_TOKEN"):
        return token
    try:
        return (_home() / "operator-token").read_text().strip()
    except (OSError, UnicodeError):
        return None


def _home() -> Path:
    if home := os.environ.get("DETECTLAB_HOME"):
        return Path(home).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("detectlab")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
