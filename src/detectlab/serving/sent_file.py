"""A file as a client sent it, and whether it claims to be a picture."""

from pathlib import PurePath
from typing import NamedTuple

from detectlab.vision.image_files import SUFFIXES

_SAYS_NOTHING = ("", "application/octet-stream")


class SentFile(NamedTuple):
    """A file as a client sent it.

    Attributes:
        data: Its content.
        name: As the client named it.
        media_type: As the client declared it, in lower case and without parameters.
    """

    data: bytes
    name: str = ""
    media_type: str = ""

    @property
    def claims_another_kind(self) -> bool:
        """Whether name and type say that it is no picture; one of them saying so is enough.

        >>> SentFile(b"", "notes.txt").claims_another_kind
        True
        >>> SentFile(b"", "notes.txt", "image/png").claims_another_kind
        False
        """
        suffix = PurePath(self.name).suffix.lower()
        if suffix in SUFFIXES or self.media_type.startswith("image/"):
            return False
        return bool(suffix) or self.media_type not in _SAYS_NOTHING
