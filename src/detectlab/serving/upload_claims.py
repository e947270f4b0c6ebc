"""Tell files that are no pictures, and do not claim to be, from damaged pictures."""

from pathlib import PurePath

from detectlab.serving.errors import Refusal
from detectlab.vision.headers import NAMES, is_recognised
from detectlab.vision.image_files import SUFFIXES

_SAYS_NOTHING = ("", "application/octet-stream")


def claims_another_kind(file_name: str, media_type: str) -> bool:
    """Whether name and type of a file say that it is no picture; one of them saying so is enough.

    Args:
        file_name: As the sender named it.
        media_type: As the sender declared it, in lower case and without parameters.

    >>> claims_another_kind("notes.txt", ""), claims_another_kind("notes.txt", "image/png")
    (True, False)
    """
    suffix = PurePath(file_name).suffix.lower()
    if suffix in SUFFIXES or media_type.startswith("image/"):
        return False
    return bool(suffix) or media_type not in _SAYS_NOTHING


def check_kind(data: bytes | bytearray, is_another_kind: bool) -> None:
    """Refuse a file with 415 that neither is a picture nor claims to be one.

    Args:
        data: The file.
        is_another_kind: What its name and type claim.

    Raises:
        Refusal: 415.
    """
    if is_another_kind and data and not is_recognised(data):
        raise Refusal(415, f"This file is not a picture. Send one in {NAMES}.")
