"""Imports without a module that the runtime works without."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(name: str) -> Iterator[None]:
    """Make the import of a module fail within the block, as if it were not installed.

    OpenVINO's model converter and NNCF report their use to their makers under an identifier that
    they store in the user's home folder. Both work without what reports.

    Args:
        name: Full name of the module.
    """
    is_new = name not in sys.modules
    if is_new:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if is_new:
            del sys.modules[name]
