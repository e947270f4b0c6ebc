"""Compiled models on disk, so that a process need not convert and compile a network again."""

import hashlib
import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

LIMIT_BYTES = 1 << 30  # of all compiled models of a folder together
_SUFFIX = ".compiled"
_DIGEST_BYTES = hashlib.sha256().digest_size


class CompiledModels:
    """A folder of compiled models, bounded in size, which any number of processes may use.

    A file is written under another name and renamed, so it is complete; it starts with its own
    checksum, so a damaged one is not used. Failures to read or write are no errors: the model is
    then compiled again.

    Args:
        folder: Where the files are; created on the first write.
        limit_bytes: Bound of the sum of the files' sizes; the least recently used go first.
    """

    def __init__(self, folder: Path, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes

    def read(self, key: str) -> bytes | None:
        """Return the compiled model of a key, or `None`."""
        file = self._folder / (key + _SUFFIX)
        try:
            content = file.read_bytes()
            os.utime(file)  # it was used now
        except OSError:
            return None
        digest, model = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if digest == hashlib.sha256(model).digest():
            return model
        with suppress(OSError):
            file.unlink()
        return None

    def write(self, key: str, model: bytes) -> None:
        """Store a compiled model, and delete the least recently used ones beyond the bound.

        Args:
            key: What it depends on, as hexadecimal digits.
            model: The model.
        """
        if len(model) > self._limit_bytes:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                try:
                    file.write(hashlib.sha256(model).digest() + model)
                    file.close()
                    os.replace(file.name, self._folder / (key + _SUFFIX))
                except BaseException:
                    file.close()
                    with suppress(OSError):
                        os.unlink(file.name)
                    raise
            self._evict()
        except OSError as error:
            logger.info("A compiled model is not stored: %s", error.strerror)

    def _evict(self) -> None:
        """Delete files beyond the bound; other processes may delete the same ones."""
        found: list[tuple[float, int, Path]] = []
        for file in self._folder.iterdir():
            with suppress(OSError):
                status = file.stat()
                found.append((status.st_mtime, status.st_size, file))
        held = sum(size for _, size, _ in found)
        for _, size, file in sorted(found):
            if held <= self._limit_bytes:
                break
            with suppress(OSError):
                file.unlink()
            held -= size
