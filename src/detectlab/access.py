"""Who may reach the server."""

import hmac
import ipaddress

from detectlab.settings import Settings


def check_host(host: str, settings: Settings) -> None:
    """Refuse to open a server without a key to other machines, unless that was asked for.

    Args:
        host: The address to listen on.
        settings: Its `api_key` and `allow_open` count.

    Raises:
        ValueError: When `host` is not this machine alone, and neither of them is set.
    """
    if settings.api_key or settings.allow_open or _is_loopback(host):
        return
    raise ValueError(
        f"Listening on {host} would let every machine that reaches this one use the server, and "
        "there is no API key. Set DETECTLAB_API_KEY, or DETECTLAB_ALLOW_OPEN=1 if something in "
        "front of the server decides who may ask, or listen on 127.0.0.1."
    )


def is_right_key(given: str | None, settings: Settings) -> bool:
    """Whether `given` is the API key, or none is wanted; takes equally long for any wrong one."""
    if settings.api_key is None:
        return True
    wanted = settings.api_key.get_secret_value().encode()
    return hmac.compare_digest((given or "").encode("utf-8", "surrogateescape"), wanted)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
