"""Connections of commands to a running server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from detectlab.cli.options import user_name

if TYPE_CHECKING:
    from detectlab.client.monitoring_client import MonitoringClient

LOCAL = "http://127.0.0.1:8000"
AsJson = Annotated[bool, typer.Option("--json", help="Print all of it.")]
Url = Annotated[str, typer.Option(envvar="DETECTLAB_URL", help="Address of the running server.")]


@contextmanager
def connected(url: str) -> Iterator["MonitoringClient"]:
    """A client for operators whose failures end in one sentence.

    Raises:
        ValueError: The server does not answer, or refuses; the text says why.
    """
    from detectlab.client import RequestFailed
    from detectlab.client.monitoring_client import MonitoringClient
    from detectlab.settings import Settings

    key = Settings().api_key
    try:
        yield MonitoringClient(url, key.get_secret_value() if key else None, user_name())
    except RequestFailed as error:
        raise ValueError(str(error)) from None
