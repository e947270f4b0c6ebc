"""Access: the API key, the operators' token, and which hosts and web pages are served."""

import asyncio
import hmac
import os
import re
import secrets
import time
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request

from detectlab.kernel.forwarded_prefix import is_loopback
from detectlab.serving.errors import Refusal
from detectlab.settings import Settings

TOKEN_FILE = "operator-token"
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])?(?::[0-9]{1,5})?")
_FREE_ATTEMPTS = 5
_LONGEST_DELAY_S = 5.0
_MAX_WAITING = 8
_MAX_ADDRESSES = 10_000


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
        self._attempts = _Attempts()
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
        self, request: HTTPConnection, is_operator: bool, key: str | None = None
    ) -> None:
        """Refuse a request without the API key; where there is none, without operators' token.

        Args:
            request: The request, or a WebSocket's.
            is_operator: Whether it is for operators only.
            key: The key, where it came otherwise than in the header.

        Raises:
            Refusal: 401 without the key, 403 without the token, 429 after too many attempts.
        """
        address = request.client.host if request.client else ""
        if self.has_key:
            given, wanted = request.headers.get("x-api-key", "") if key is None else key, self._key
            refusal = _NO_KEY
        elif is_operator:
            given, wanted = request.headers.get("x-operator-token", ""), self.operator_token
            refusal = _NO_TOKEN
        else:
            return
        if given:
            await self._attempts.wait(address)
        if _is_equal(given, wanted):
            self._attempts.forget(address)
            return
        if given:
            self._attempts.note(address)
        raise Refusal(refusal.status, refusal.detail, refusal.headers)

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
    "server's machine.",
)


class _Attempts:
    """Slows down an address that sends wrong keys: each one waits longer than the one before.

    At most `_MAX_WAITING` requests of an address wait; more are refused, right or wrong.
    """

    def __init__(self) -> None:
        self._failed: OrderedDict[str, int] = OrderedDict()
        self._next: dict[str, float] = {}
        self._waiting: dict[str, int] = {}

    async def wait(self, address: str) -> None:
        failed = self._failed.get(address, 0)
        if failed < _FREE_ATTEMPTS:
            return
        if self._waiting.get(address, 0) >= _MAX_WAITING:
            raise Refusal(429, "Too many wrong keys came from this address.", {"Retry-After": "60"})
        delay_s = min(_LONGEST_DELAY_S, 0.1 * 2.0 ** (failed - _FREE_ATTEMPTS))
        now = time.monotonic()
        begin = max(now, self._next.get(address, 0.0)) + delay_s
        self._next[address] = begin
        self._waiting[address] = self._waiting.get(address, 0) + 1
        try:
            await asyncio.sleep(begin - now)
        finally:
            self._waiting[address] -= 1

    def note(self, address: str) -> None:
        self._failed[address] = min(20, self._failed.pop(address, 0) + 1)
        if len(self._failed) > _MAX_ADDRESSES:
            self._drop(next(iter(self._failed)))

    def forget(self, address: str) -> None:
        if address in self._failed:
            self._drop(address)

    def _drop(self, address: str) -> None:
        del self._failed[address]
        self._next.pop(address, None)
        if not self._waiting.get(address):
            self._waiting.pop(address, None)


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


@lru_cache(maxsize=16)
def write_operator_token(settings: Settings) -> None:
    """Write the token of a server without a key, for clients that read it before they connect."""
    if settings.api_key is None and settings.operator_token is None:
        _token_of(settings.home / TOKEN_FILE)


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
