"""A webhook: sends events as JSON to an address that the operator chose."""

import json
import logging
import threading
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.request import Request, urlopen

logger = logging.getLogger(__name__)

_TIMEOUT_S = 5.0


class Webhook:
    """Posts events to a URL, in the background; an event that cannot be sent is logged.

    Args:
        url: The address, `http` or `https`; `None` sends nothing.

    Raises:
        ValueError: When it is no such address.
    """

    def __init__(self, url: str | None) -> None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError(
                f"The webhook must be an http or https address. Received: {url[:80]!a}"
            )
        self._url = url

    def send(self, event: Mapping[str, Any]) -> None:
        """Send an event; returns at once and never fails."""
        if self._url:
            threading.Thread(
                target=self._post, args=(dict(event),), name="webhook", daemon=True
            ).start()

    def _post(self, event: dict[str, Any]) -> None:
        assert self._url is not None
        request = Request(
            self._url, json.dumps(event).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urlopen(request, timeout=_TIMEOUT_S):
                pass
        except (OSError, HTTPException) as error:
            logger.warning("The webhook could not be sent: %s", error)
