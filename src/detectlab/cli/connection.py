"""Connections of commands to a running server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from detectlab.cli.options import user_name

if TYPE_CHECKING:
    from detectlab.client.rollout_client import RolloutClient

Client = TypeVar("Client", bound="RolloutClient")


@contextmanager
def connected(kind: type[Client], url: str) -> Iterator[Client]:
    """A client whose failures end in one sentence.

    Args:
        kind: The class of the client.
        url: Address of the server.

    Raises:
        ValueError: The server does not answer, or refuses; the text says why.
    """
    from detectlab.client import RequestFailed
    from detectlab.settings import Settings

    key = Settings().api_key
    try:
        yield kind(url, key.get_secret_value() if key else None, user_name())
    except RequestFailed as error:
        raise ValueError(str(error)) from None
