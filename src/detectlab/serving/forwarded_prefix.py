"""The prefix under which a proxy on this machine shows the app."""

import ipaddress
import re

from starlette.types import ASGIApp, Receive, Scope, Send

_PREFIX = re.compile(rb"(/[A-Za-z0-9._~%@-]{1,100}){1,20}/?")


class ForwardedPrefix:
    """ASGI middleware: honours `X-Forwarded-Prefix`, as jupyter-server-proxy sends it.

    Anybody can write that header, so it counts only when it comes from this machine.

    Args:
        app: The app inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one connection on, with `root_path` and `path` as ASGI wants them."""
        if scope["type"] == "http" and not scope.get("root_path") and _is_local(scope):
            given = dict(scope["headers"]).get(b"x-forwarded-prefix", b"")
            if _PREFIX.fullmatch(given):
                prefix = given.decode().rstrip("/")
                scope = {**scope, "root_path": prefix, "path": prefix + scope["path"]}
        await self._app(scope, receive, send)


def _is_local(scope: Scope) -> bool:
    host = (scope.get("client") or ("", 0))[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
