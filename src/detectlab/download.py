"""Checked downloads: several places per file, one step into place, never a bad file kept."""

import hashlib
import logging
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import quote

from detectlab.models import WeightsFile
from detectlab.settings import Settings

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
CHUNK_BYTES = 64 * 1024
# Only configurations, a few kB of text, come without a stated size.
MAX_UNSTATED_BYTES = 1_000_000

# What pooch's HTTP library raises, by class name: that library belongs to `client` alone.
_REASONS = {
    "TooManyRedirects": "redirects in a circle",
    "SSLError": "has a certificate that is not trusted",
    "ChunkedEncodingError": "broke off in the middle",
    "ContentDecodingError": "sent something that cannot be unpacked",
    "InvalidSchema": "is neither a folder nor an http(s) address",
    "InvalidURL": "is not a valid address",
    "MissingSchema": "is not a valid address",
}


class WeightsError(RuntimeError):
    """A file is not there and could not be fetched; the message says what to do about it."""


class _BadPlaceError(Exception):
    """Why one place did not give the file, as the rest of a sentence about the place."""


class _Progress(Protocol):
    def update(self, n: int) -> object: ...


class _CheckedWriter:
    """A file to write to that checks what passes through, so that rubbish is noticed early."""

    def __init__(self, target: BinaryIO, file: WeightsFile, progress: _Progress) -> None:
        self._target = target
        self._file = file
        self._progress = progress
        self._digest = hashlib.sha256()
        self._length = 0

    def write(self, chunk: bytes) -> None:
        start = chunk[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if not self._length and start.startswith((b"<!doctype html", b"<html")):
            raise _BadPlaceError("sent a web page instead of the file")
        self._length += len(chunk)
        limit = self._file.size or MAX_UNSTATED_BYTES
        if self._length > limit:
            raise _BadPlaceError(f"sent more than {limit:,} bytes")
        self._digest.update(chunk)
        try:
            self._target.write(chunk)
        except OSError as error:
            raise _cannot_write(self._target.name, error) from error
        self._progress.update(len(chunk))

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
        raise ValueError(f"`file` must have a sha256 to be fetched. Received: {file.name}")
    path = folder / file.name
    if is_intact(path, file):
        return path
    with _one_at_a_time(path):
        if is_intact(path, file):  # another process has fetched it meanwhile
            return path
        if path.exists():
            logger.warning("%s is damaged and will be fetched again", path)
        tried = []
        for place in _places(file, settings):
            try:
                replace_file(path, _filler(place, file, settings, progress, timeout_s))
            except _BadPlaceError as reason:
                tried.append(f"- {re.sub('//[^/@]*@', '//', place)} {reason}")
            else:
                return path
        path.unlink(missing_ok=True)
    raise WeightsError(_report(file, folder, settings, tried, hint))


def is_intact(path: Path, file: WeightsFile) -> bool:
    """Whether a file is there with the published content.

    Each file is read once per process, and again when it changes. Reading it, rather than a note
    of an earlier check, is the only thing that notices a damaged disk or a swapped file, and is
    quick beside loading the network: 0.02 s for 35 MB.
    """
    try:
        stat = path.stat()
        return _sha256(path, stat.st_size, stat.st_mtime_ns, stat.st_ino) == file.sha256
    except OSError:
        return False


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, mtime_ns: int, inode: int) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def replace_file(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write a file beside its place, then move it there in one step.

    Args:
        path: The file's place. Whatever goes wrong, it holds the old content or all of the new.
        fill: Writes the content; when it raises, nothing is kept.

    Raises:
        WeightsError: The folder cannot be written, or the disk is full.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as opened:
            fill(opened)
        part.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _cannot_write(path: Path | str, error: OSError) -> WeightsError:
    return WeightsError(
        f"Cannot write {path}: {error.strerror}. Free some space, or set DETECTLAB_HOME to a "
        "folder that can be written."
    )


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process or thread at a time fetch `path`, and clear what a killed one left.

    The lock is the operating system's, so it ends with its process however that ends. Where there
    is none (Windows, some network drives), temporary names of their own keep two fetches apart.
    """
    lock_path = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock, locked = _lock(lock_path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        if locked:
            for left in path.parent.glob(f"{path.name}.*.part"):
                left.unlink(missing_ok=True)
        yield
    finally:
        with suppress(OSError):
            lock_path.unlink(missing_ok=True)
        lock.close()


def _lock(lock_path: Path) -> tuple[BinaryIO, bool]:
    while True:
        lock = lock_path.open("wb")
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        except (ImportError, OSError):
            return lock, False
        # Whoever had the lock has removed its file: only the one that is still there counts.
        with suppress(OSError):
            if os.path.samestat(os.fstat(lock.fileno()), lock_path.stat()):
                return lock, True
        lock.close()


def _is_url(place: str) -> bool:
    return "://" in place


def _places(file: WeightsFile, settings: Settings) -> Iterator[str]:
    if settings.mirror and _is_url(settings.mirror):
        yield f"{settings.mirror.rstrip('/')}/{quote(file.name)}"
    elif settings.mirror:
        yield str(Path(settings.mirror).expanduser() / file.name)
    yield from file.urls


def _filler(
    place: str,
    file: WeightsFile,
    settings: Settings,
    progress: bool,
    timeout_s: tuple[float, float],
) -> Callable[[BinaryIO], None]:
    def fill(target: BinaryIO) -> None:
        from tqdm.auto import tqdm

        if _is_url(place) and settings.offline:
            raise _BadPlaceError("was not asked, because DETECTLAB_OFFLINE is set")
        show = progress and _is_url(place)
        with tqdm(
            desc=file.name, total=file.size, unit="B", unit_scale=True, disable=not show
        ) as bar:
            writer = _CheckedWriter(target, file, bar)
            if _is_url(place):
                _download(place, writer, timeout_s)
            else:
                _copy(Path(place), writer)
        writer.check()

    return fill


def _copy(source: Path, writer: _CheckedWriter) -> None:
    def chunks() -> Iterator[bytes]:
        try:
            with source.open("rb") as opened:
                while chunk := opened.read(CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise _BadPlaceError(f"cannot be read: {error.strerror}") from error

    for chunk in chunks():
        writer.write(chunk)


def _download(url: str, writer: _CheckedWriter, timeout_s: tuple[float, float]) -> None:
    import pooch

    download = pooch.HTTPDownloader(
        chunk_size=CHUNK_BYTES, timeout=timeout_s, headers={"Accept-Encoding": "identity"}
    )
    try:
        download(url, output_file=writer, pooch=None)
    except (OSError, ValueError) as error:  # pooch passes on what its HTTP library raises
        raise _BadPlaceError(_in_words(error, timeout_s)) from error


def _in_words(error: Exception, timeout_s: tuple[float, float]) -> str:
    text = str(error)
    if "timed out" in text.lower():
        return f"did not answer for {max(timeout_s):g} s"
    kinds = [kind.__name__ for kind in type(error).__mro__]
    if "HTTPError" in kinds:
        return f"answered {text.partition(' for url')[0]}"
    return next((_REASONS[kind] for kind in kinds if kind in _REASONS), "could not be reached")


def _report(
    file: WeightsFile, folder: Path, settings: Settings, tried: list[str], hint: str
) -> str:
    first = "unset DETECTLAB_OFFLINE" if settings.offline else "check the connection and try again"
    ways = [
        first,
        "set DETECTLAB_MIRROR to a folder or an address that has the file",
        f"put {file.name} with sha256 {file.sha256} into {folder}",
        *([hint] if hint else []),
    ]
    return "\n".join(
        [f"{file.name} could not be fetched. Tried:", *tried, "What helps: " + "; or ".join(ways)]
    )
