"""Who may use the server."""

import hmac
import ipaddress

from detectlab.settings import Settings


def is_right_key(given: str | None, settings: Settings) -> bool:
    """Whether `given` is the API key, or none is wanted; takes equally long for any wrong one."""
    if settings.api_key is None:
        return True
    wanted = settings.api_key.get_secret_value().encode()
    return hmac.compare_digest((given or "").encode("utf-8", "surrogateescape"), wanted)


def refuse_open_door(host: str, has_key: bool, allowed: bool) -> None:
    """Refuse to listen beyond this machine without a key.

    Args:
        host: Where the server is to listen.
        has_key: Whether it asks for a key.
        allowed: Whether somebody said that nobody else gets there.

    Raises:
        ValueError: When everybody could use it.
    """
    try:
        is_local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = False  # another host name: nobody knows where it leads
    if not (is_local or has_key or allowed):
        raise ValueError(
            f"without a key, everybody who reaches {host} could use this server. Set "
            "DETECTLAB_API_KEY, or listen on 127.0.0.1 behind a proxy, or say --allow-open where "
            "others cannot reach it (inside a container, for example)."
        )
