"""Authorisation: the API key, operators, and the addresses a server may listen on."""

import hmac
import re
from urllib.parse import urlsplit

from starlette.requests import Request

from detectlab.kernel.forwarded_prefix import is_loopback
from detectlab.serving.errors import Refusal
from detectlab.settings import Settings

# What a proxy adds: behind one, every connection comes from this machine.
_PROXY_HEADERS = ("x-forwarded-for", "forwarded", "x-real-ip", "via")


def is_right_key(given: str | None, settings: Settings) -> bool:
    """Whether `given` is the API key, or none is set; takes equally long for any wrong key."""
    if settings.api_key is None:
        return True
    wanted = settings.api_key.get_secret_value().encode()
    return hmac.compare_digest((given or "").encode("utf-8", "surrogateescape"), wanted)


def refuse_open_door(host: str, has_key: bool, allowed: bool) -> None:
    """Refuse to listen beyond this machine without a key.

    Args:
        host: Address to listen on.
        has_key: Whether the server asks for a key.
        allowed: Whether this was allowed explicitly.

    Raises:
        ValueError: When the server would be open to every machine that reaches the address.
    """
    if not (is_loopback(host) or has_key or allowed):
        raise ValueError(
            f"without a key, everybody who reaches {host} could use this server. Set "
            "DETECTLAB_API_KEY, or listen on 127.0.0.1 behind a proxy, or say --allow-open where "
            "others cannot reach it (inside a container, for example)."
        )


def check_operator(request: Request, settings: Settings) -> None:
    """Refuse a request that does not come from this machine, where there is no API key.

    Where there is one, it has been checked already. Otherwise the connection must come from this
    machine, not through a proxy, and not from a web page of another origin that the operator's
    browser shows: such a page can send requests to this machine, but not hide its origin.

    Raises:
        Refusal: 403.
    """
    if settings.api_key is not None:
        return
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    is_local = (
        is_loopback(request.client.host if request.client else "")
        and not any(name in request.headers for name in _PROXY_HEADERS)
        and is_loopback(urlsplit(f"//{host}").hostname or "")
        and (origin is None or urlsplit(origin).netloc == host)
    )
    if not is_local:
        raise Refusal(
            403,
            "Without an API key, rollouts are changed and read at the server's own machine only, "
            "as http://127.0.0.1. Start the server with DETECTLAB_API_KEY to do it from elsewhere.",
        )


def operator_of(request: Request) -> str:
    """The sender of a request, for the history: the name that it gives, and its address."""
    name = re.sub(r"[^\w .@-]", "", request.headers.get("x-operator", ""))[:40].strip()
    host = request.client.host if request.client else "unknown"
    return f"{name or 'somebody'} at {host}"
