"""Read Darknet weights."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Weights:
    """The numbers of a `.weights` file, consumed layer by layer.

    Args:
        file: The `.weights`.

    Raises:
        ValueError: When the file does not exist, or ends within its header.
    """

    def __init__(self, file: Path) -> None:
        content = file.read_bytes() if file.is_file() else b""
        # Three integers of the version; then the pictures seen in training, 8 bytes since 0.2.
        major, minor = np.frombuffer(content[:8], "<i4") if len(content) >= 8 else (0, 0)
        header = 20 if major * 10 + minor >= 2 else 16
        if len(content) < header:
            raise ValueError(f"{file.name} is missing, or ends before its first layer.")
        body = content[header : len(content) - (len(content) - header) % 4]
        self._numbers = np.frombuffer(body, "<f4")
        self._name = file.name
        self._taken = 0

    def take(self, *shape: int) -> NDArray[np.float32]:
        """Return the next numbers, in this shape.

        Raises:
            ValueError: When the file has fewer.
        """
        count = int(np.prod(shape))
        end = self._taken + count
        if end > len(self._numbers):
            raise ValueError(
                f"{self._name} ends after {len(self._numbers):,} numbers, and the network needs at "
                f"least {end:,}: it is cut off, or belongs to another configuration. "
                "`detectlab models verify` checks downloaded files."
            )
        numbers = self._numbers[self._taken : end].reshape(shape)
        self._taken = end
        return numbers

    def check_used_up(self) -> None:
        """Raise `ValueError` when the layers did not consume all numbers."""
        if self._taken < len(self._numbers):
            raise ValueError(
                f"{self._name} has {len(self._numbers):,} numbers, and the network only takes "
                f"{self._taken:,}: it belongs to another configuration."
            )
