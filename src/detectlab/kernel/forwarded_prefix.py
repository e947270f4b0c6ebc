"""The prefix under which a proxy on this machine, such as Jupyter's, shows an app."""

import ipaddress
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
ASGIApp = Callable[[Scope, Any, Any], Awaitable[None]]

_NAME = b"x-forwarded-prefix"
_PREFIX = re.compile(r"(/[A-Za-z0-9._~%@+-]{1,100}){1,20}/?")


class ForwardedPrefix:
    """ASGI middleware: puts the prefix that a proxy took off a path back into the scope.

    The app's pages and redirects then lead through the proxy. `X-Forwarded-Prefix`, as
    jupyter-server-proxy sends it, counts only from this machine, since any client can send it. It
    is removed, so that it is not applied twice.

    Args:
        app: The app inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Any, send: Any) -> Awaitable[None]:
        """Pass one connection on, with `root_path`, `path` and `raw_path` as ASGI wants them."""
        if scope["type"] == "http":
            scope = apply_prefix(scope)
        return self._app(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own: `localhost`, 127.0.0.0/8 or ::1."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def apply_prefix(scope: Scope) -> Scope:
    """The scope of a request with the prefix that its proxy took off; see `ForwardedPrefix`."""
    given = dict(scope["headers"]).get(_NAME, b"").decode("latin-1")
    if not (given and _PREFIX.fullmatch(given) and is_loopback((scope.get("client") or ("",))[0])):
        return scope
    prefix = given.rstrip("/")
    return {
        **scope,
        "root_path": prefix + scope.get("root_path", ""),
        "path": prefix + scope["path"],
        "raw_path": prefix.encode() + scope.get("raw_path", scope["path"].encode()),
        "headers": [header for header in scope["headers"] if header[0] != _NAME],
    }
