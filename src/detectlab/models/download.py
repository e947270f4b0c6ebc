"""Checked downloads: several places per file, tried in order, and never a bad file kept."""

import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from detectlab.models.atomic_files import (
    WeightsError,
    cannot_write,
    is_intact,
    one_at_a_time,
    replace_file,
)
from detectlab.models.registry import WeightsFile
from detectlab.settings import Settings

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
CHUNK_BYTES = 64 * 1024
# Only configurations, a few kB of text, come without a stated size.
MAX_UNSTATED_BYTES = 1_000_000

# What pooch's HTTP library raises, by class name: `client` alone may import that library.
_REASONS = {
    "TooManyRedirects": "redirects in a circle",
    "SSLError": "has no secure connection to trust",
    "ChunkedEncodingError": "broke off in the middle",
    "ContentDecodingError": "sent something that cannot be unpacked",
    "InvalidSchema": "is neither a folder nor an http(s) address",
    "InvalidURL": "is not a valid address",
    "ValueError": "sent a malformed answer",
}


class _BadPlaceError(Exception):
    """Why one place did not give the file, as the rest of a sentence about the place."""


class _CheckedWriter:
    """A file to write to that checks what passes through, so that rubbish is noticed early."""

    def __init__(self, target: BinaryIO, file: WeightsFile) -> None:
        self.on_bytes: Callable[[int], object] = lambda n: None
        self._target = target
        self._file = file
        self._digest = hashlib.sha256()
        self._length = 0

    def write(self, chunk: bytes) -> None:
        start = chunk[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if not self._length and start.startswith((b"<!doctype html", b"<html")):
            raise _BadPlaceError("sent a web page instead of the file")
        self._length += len(chunk)
        limit = self._file.size or MAX_UNSTATED_BYTES
        if self._length > limit:
            raise _BadPlaceError(f"sent more than the file's {limit:,} bytes")
        self._digest.update(chunk)
        try:
            self._target.write(chunk)
        except OSError as error:
            raise cannot_write(self._target.name, error) from error
        self.on_bytes(len(chunk))

    def flush(self) -> None:
        """Do nothing: pooch calls it after each chunk, and closing the file is enough."""

    def check(self) -> None:
        """Raise `_BadPlaceError` unless exactly the published content has passed."""
        if self._digest.hexdigest() == self._file.sha256:
            return
        if self._file.size and self._length < self._file.size:
            raise _BadPlaceError(f"sent only {self._length:,} of {self._file.size:,} bytes")
        raise _BadPlaceError(f"sent other content (sha256 {self._digest.hexdigest()})")


def fetch(
    file: WeightsFile,
    folder: Path,
    settings: Settings,
    progress: bool = True,
    hint: str = "",
    timeout_s: tuple[float, float] = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
) -> Path:
    """Give the path of a file whose content is as published, fetching it where need be.

    Places are tried in order, each once: the mirror, then the file's own addresses. Several
    processes and threads may ask at once; one fetches and the others wait for it.

    Args:
        file: What to fetch.
        folder: Where it is kept; made if it is missing.
        settings: `mirror` and `offline` are looked at.
        progress: Whether to show a bar while downloading.
        hint: One more way out, for the end of the error message.
        timeout_s: How long a place may take to accept a connection, and to send the next bytes.

    Returns:
        `folder / file.name`.

    Raises:
        ValueError: The file has no checksum, so nothing that came could be trusted.
        WeightsError: No place gave the file, or the folder cannot be written.
    """
    if file.sha256 is None:
        raise ValueError(f"`file` must have a sha256 to be fetched. Received: {file.name!r}")
    path = folder / file.name
    if is_intact(path, file):
        return path
    with one_at_a_time(path):
        if is_intact(path, file):  # another process has fetched it meanwhile
            return path
        if path.exists():
            logger.warning("%s is damaged and will be fetched again", path)
        tried = []
        for place in _places(file, settings):
            try:
                _fetch_from(place, file, path, settings.offline, progress, timeout_s)
            except _BadPlaceError as reason:
                tried.append(f"- {re.sub('//[^/@]*@', '//', place)} {reason}")
            else:
                return path
        with suppress(OSError):
            path.unlink(missing_ok=True)
    raise WeightsError(_report(file, folder, settings.offline, tried, hint))


def is_url(place: str) -> bool:
    """Whether a place is a web address, not a folder or file."""
    return "://" in place


def _places(file: WeightsFile, settings: Settings) -> Iterator[str]:
    if settings.mirror and is_url(settings.mirror):
        yield f"{settings.mirror.rstrip('/')}/{quote(file.name)}"
    elif settings.mirror:
        yield str(Path(settings.mirror).expanduser() / file.name)
    yield from file.urls


def _fetch_from(
    place: str,
    file: WeightsFile,
    path: Path,
    offline: bool,
    progress: bool,
    timeout_s: tuple[float, float],
) -> None:
    if is_url(place) and offline:
        raise _BadPlaceError("was not asked, because DETECTLAB_OFFLINE is set")

    def fill(target: BinaryIO) -> None:
        writer = _CheckedWriter(target, file)
        if is_url(place):
            _download(place, writer, file, progress, timeout_s)
        else:
            for chunk in _read(Path(place)):
                writer.write(chunk)
        writer.check()

    replace_file(path, fill)


def _read(source: Path) -> Iterator[bytes]:
    try:
        with source.open("rb") as opened:
            while chunk := opened.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise _BadPlaceError(f"cannot be read: {error.strerror}") from error


def _download(
    url: str,
    writer: _CheckedWriter,
    file: WeightsFile,
    progress: bool,
    timeout_s: tuple[float, float],
) -> None:
    import pooch
    from tqdm.auto import tqdm

    # Unpacked on the way, a file would not fill the progress bar as its size says.
    headers = {"Accept-Encoding": "identity"}
    get = pooch.HTTPDownloader(chunk_size=CHUNK_BYTES, timeout=timeout_s, headers=headers)
    with tqdm(
        desc=file.name,
        total=file.size,
        unit="B",
        unit_scale=True,
        disable=not progress,
        delay=0.5,  # no empty bar for a place that refuses, none for a file of a few kB
    ) as bar:
        writer.on_bytes = bar.update
        try:
            get(url, output_file=writer, pooch=None)
        except (OSError, ValueError) as error:  # as pooch's HTTP library raises them
            raise _BadPlaceError(_in_words(error, timeout_s)) from error


def _in_words(error: Exception, timeout_s: tuple[float, float]) -> str:
    text = str(error)
    if "timed out" in text:
        seconds = timeout_s["connect timeout" not in text]
        return f"did not answer for {seconds:g} s"
    kinds = [kind.__name__ for kind in type(error).__mro__]
    if kinds[0] == "HTTPError":
        return f"answered {text.partition(' for url')[0]}"
    return next((_REASONS[kind] for kind in kinds if kind in _REASONS), "could not be reached")


def _report(file: WeightsFile, folder: Path, offline: bool, tried: list[str], hint: str) -> str:
    ways = [
        "unset DETECTLAB_OFFLINE" if offline else "check the connection and try again",
        "set DETECTLAB_MIRROR to a folder or an address that has the file",
        f"put {file.name} with sha256 {file.sha256} into {folder}",
    ]
    if hint:
        ways.append(hint)
    return "\n".join(
        [f"{file.name} could not be fetched. Tried:", *tried, f"What helps: {'; or '.join(ways)}."]
    )
