"""Who may change what the service does: people at this machine, or with the API key."""

import ipaddress
import re
from urllib.parse import urlsplit

from starlette.requests import Request

from detectlab.serving.errors import Refusal
from detectlab.settings import Settings

# What a proxy adds: behind one, everybody seems to sit at this machine.
_PROXY_HEADERS = ("x-forwarded-for", "forwarded", "x-real-ip", "via")


def check_operator(request: Request, settings: Settings) -> None:
    """Refuse a request that does not come from this machine, where there is no API key.

    Where there is one, it has been asked for already. Otherwise the connection must come from
    here, and not through a proxy, nor from a web page of somebody else's that the operator's
    browser shows: such a page can send requests to this machine, but not hide where it is from.

    Raises:
        Refusal: 403.
    """
    if settings.api_key is not None:
        return
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    is_local = (
        _is_loopback(request.client.host if request.client else "")
        and not any(name in request.headers for name in _PROXY_HEADERS)
        and _is_loopback(urlsplit(f"//{host}").hostname or "")
        and (origin is None or urlsplit(origin).netloc == host)
    )
    if not is_local:
        raise Refusal(
            403,
            "Without an API key, rollouts are changed and read at the server's own machine only, "
            "as http://127.0.0.1. Start the server with DETECTLAB_API_KEY to do it from elsewhere.",
        )


def operator_of(request: Request) -> str:
    """Who sent a request, for the history: the name they give, and where they are."""
    name = re.sub(r"[^\w .@-]", "", request.headers.get("x-operator", ""))[:40].strip()
    host = request.client.host if request.client else "unknown"
    return f"{name or 'somebody'} at {host}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
