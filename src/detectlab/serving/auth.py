"""Access: the API key, the operators' token, and which hosts and web pages are served."""

import hmac
import os
import re
import secrets
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request

from detectlab.kernel.forwarded_prefix import is_loopback
from detectlab.serving.attempts import Attempts
from detectlab.serving.errors import Refusal
from detectlab.serving.sign_in import COOKIE, is_signed_in
from detectlab.settings import Settings

TOKEN_FILE = "operator-token"
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])?(?::[0-9]{1,5})?")


class Access:
    """Decides which requests are served.

    With an API key, a client must send it. Without one, the server is for its own machine: it
    serves no host name that a foreign web page could lead to it (DNS rebinding), and no page of
    another origin; operators must send a token that only its user can read.

    Args:
        settings: The key, the token, and the hosts and origins that are served.
    """

    def __init__(self, settings: Settings) -> None:
        self.has_key = settings.api_key is not None
        self._key = settings.api_key.get_secret_value() if settings.api_key else ""
        self._settings = settings
        self._attempts = Attempts()
        hub = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
        self._hub_prefix = hub.rstrip("/") + "/" if hub else ""
        if not self.has_key:
            _ = self.operator_token  # written now, so that operators find it
        # Cached, since nearly all requests of a client are alike.
        self.origin_problem = lru_cache(maxsize=256)(self._origin_problem)

    def _origin_problem(self, host: str, origin: str, root_path: str) -> str:
        """Why a server without a key does not serve a request; empty when it does.

        Args:
            host: Its header `Host`.
            origin: Its header `Origin`, or nothing.
            root_path: The prefix that a proxy on this machine took off.
        """
        if self.has_key:
            return ""
        is_hub = bool(self._hub_prefix) and root_path.startswith(self._hub_prefix)
        if not (is_hub or is_own_name(host, self._settings.allowed_hosts)):
            return (
                f"Without an API key, this server does not answer as {host[:60]!a}. Start it with "
                "that name in DETECTLAB_ALLOWED_HOSTS, or with DETECTLAB_API_KEY."
            )
        allowed = not origin or origin in self._settings.cors_origins
        if not (allowed or _netloc(origin) == host.lower()):
            return (
                f"Pages of {origin[:60]!a} may not ask. Start the server with that origin in "
                "DETECTLAB_CORS_ORIGINS."
            )
        return ""

    async def check_secret(
        self, request: HTTPConnection, is_operator: bool, given: str | None = None
    ) -> None:
        """Refuse a request without the API key; where there is none, without operators' token.

        A request that changes nothing may have the cookie of a browser that signed in instead.

        Args:
            request: The request, or a WebSocket's.
            is_operator: Whether it is for operators only.
            given: The key or token, where it came otherwise than in its header.

        Raises:
            Refusal: 401 without the key, 403 without the token, 429 after too many attempts.
        """
        if not (self.has_key or is_operator):
            return
        wanted = self.secret
        if request.scope.get("method") == "GET" and is_signed_in(
            request.cookies.get(COOKIE, ""), wanted
        ):
            return
        address = request.client.host if request.client else ""
        header, refusal = (
            ("x-api-key", _NO_KEY) if self.has_key else ("x-operator-token", _NO_TOKEN)
        )
        given = request.headers.get(header, "") if given is None else given
        if given:
            await self._attempts.wait(address)
        if _is_equal(given, wanted):
            self._attempts.forget(address)
            return
        if given:
            self._attempts.note(address)
        raise Refusal(refusal.status, refusal.detail, refusal.headers)

    @property
    def secret(self) -> str:
        """What operators send: the API key, else the operators' token."""
        return self._key if self.has_key else self.operator_token

    @property
    def operator_token(self) -> str:
        """The operators' token: of the settings, else of a file that only this user can read."""
        if self._settings.operator_token:
            return self._settings.operator_token.get_secret_value()
        return _token_of(self._settings.home / TOKEN_FILE)


_NO_KEY = Refusal(
    401,
    "Send the server's API key in the header `X-API-Key`.",
    {"WWW-Authenticate": "APIKey"},
)
_NO_TOKEN = Refusal(
    403,
    "This is for operators. Send the token of the file `operator-token`, in the server's "
    "DETECTLAB_HOME, in the header `X-Operator-Token`; `detectlab rollout` does so on the "
    "server's machine, and a browser signs in at /sign-in.",
)


@lru_cache(maxsize=256)
def is_host(host: str) -> bool:
    """Whether a header `Host` has the form of one: a name or an address, and perhaps a port.

    >>> is_host("localhost:8000"), is_host("[::1]:80"), is_host("evil.example@127.0.0.1")
    (True, True, False)
    """
    return _HOST.fullmatch(host) is not None


def is_own_name(host: str, allowed: tuple[str, ...]) -> bool:
    """Whether only this server, its network or its configuration can have given a host its name.

    A foreign page reaches a server by a public name that leads to it: those have a dot. Addresses,
    names without a dot (`localhost`, a container's) and names that were allowed are served.

    Args:
        host: A header `Host`.
        allowed: Names that were allowed, without a port.
    """
    name = re.sub(r":[0-9]*\Z", "", host).lower()
    return "." not in name or name in allowed or re.fullmatch(r"[0-9.]+", name) is not None


def refuse_open_door(host: str, *, has_key: bool, allowed: bool) -> None:
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
            f"without a key, every client that reaches {host} could use this server. Set "
            "DETECTLAB_API_KEY, or listen on 127.0.0.1 behind a proxy, or say --allow-open where "
            "others cannot reach it (inside a container, for example)."
        )


def operator_of(request: Request) -> str:
    """The sender of a request, for the history: the name that it gives, and its address."""
    name = re.sub(r"[^\w .@-]", "", request.headers.get("x-operator", ""))[:40].strip()
    host = request.client.host if request.client else "unknown"
    return f"{name or 'unnamed'} at {host}"


def _is_equal(given: str, wanted: str) -> bool:
    """Compare secrets; takes equally long for any wrong one."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _token_of(file: Path) -> str:
    """The token in a file, which is created readable by its user only; in memory if it cannot."""
    token = secrets.token_urlsafe(32)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write(token)
    except FileExistsError:
        return file.read_text().strip()
    except OSError:
        pass
    return token
