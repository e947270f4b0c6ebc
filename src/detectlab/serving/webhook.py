"""A webhook: sends events as JSON to an address that the operator chose."""

import hashlib
import hmac
import http.client
import ipaddress
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

logger = logging.getLogger(__name__)

_TIMEOUT_S = 5.0
_MAX_WAITING = 8
# Pauses before the second and each later try, in seconds.
RETRIES_S = (1.0, 5.0, 25.0)


class Webhook:
    """Posts events to a URL, in the background; an event that cannot be sent is logged.

    With a secret, the header `X-Detectlab-Signature` is `sha256=` and the HMAC of the header
    `X-Detectlab-Timestamp`, a dot and the body. Redirects are not followed.

    Args:
        url: The address, `http` or `https`; `None` sends nothing.
        secret: Signs what is sent.
        allows_private: Whether the address may be this machine's or a private network's.
        retries_s: Pauses before the second and each later try, in seconds.
        on_done: Told `"sent"` or `"failed"` for each event.

    Raises:
        ValueError: When it is no such address.
    """

    def __init__(
        self,
        url: str | None,
        *,
        secret: str | None = None,
        allows_private: bool = True,
        retries_s: tuple[float, ...] = (),
        on_done: Callable[[str], None] = lambda outcome: None,
    ) -> None:
        parts = urlsplit(url) if url is not None else None
        if parts is not None and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError(
                f"The webhook must be an http or https address. Received: {(url or '')[:80]!a}"
            )
        self._parts, self._secret, self._allows_private = parts, secret, allows_private
        self._retries_s, self._on_done = retries_s, on_done
        self._free = threading.Semaphore(_MAX_WAITING)

    def send(self, event: Mapping[str, Any]) -> None:
        """Send an event; returns at once and never fails."""
        if self._parts is None:
            return
        if not self._free.acquire(blocking=False):
            self._fail(f"{_MAX_WAITING} others wait")
            return
        threading.Thread(
            target=self._deliver, args=(self._parts, dict(event)), name="webhook", daemon=True
        ).start()

    def _deliver(self, parts: SplitResult, event: dict[str, Any]) -> None:
        problem = ""
        try:
            body = json.dumps(event).encode()
            for pause_s in (0.0, *self._retries_s):
                time.sleep(pause_s)
                problem = self._post(parts, body)
                if not problem:
                    self._on_done("sent")
                    return
        finally:
            self._free.release()
        self._fail(problem)

    def _fail(self, problem: str) -> None:
        logger.warning("The webhook could not be sent: %s", problem)
        self._on_done("failed")

    def _post(self, parts: SplitResult, body: bytes) -> str:
        """Post a body; returns what went wrong."""
        try:
            connection = _connection(parts, self._allows_private)
            try:
                path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
                connection.request("POST", path, body, self._headers(body))
                status = connection.getresponse().status
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
        return "" if 200 <= status < 300 else f"it answered with status {status}"

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._secret:
            now = str(int(time.time()))
            signed = hmac.new(self._secret.encode(), f"{now}.".encode() + body, hashlib.sha256)
            headers["X-Detectlab-Timestamp"] = now
            headers["X-Detectlab-Signature"] = f"sha256={signed.hexdigest()}"
        return headers


def _connection(parts: SplitResult, allows_private: bool) -> http.client.HTTPConnection:
    """A connection to the first address of the host, which was checked."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not allows_private and not all(ipaddress.ip_address(one).is_global for one in addresses):
        raise OSError(
            f"{host} is an address of this machine or of a private network; "
            "DETECTLAB_MONITORING_WEBHOOK_PRIVATE=1 allows it"
        )
    # What was checked is what is connected to: the name is not looked up again.
    plain = socket.create_connection((addresses[0], port), _TIMEOUT_S)
    connection = http.client.HTTPConnection(parts.netloc.rpartition("@")[2], timeout=_TIMEOUT_S)
    connection.sock = plain
    if parts.scheme == "https":
        try:
            context = ssl.create_default_context()
            connection.sock = context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
    return connection
