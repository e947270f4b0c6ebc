"""Memory that a detector takes, measured in this process."""

import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import psutil

from detectlab.detection.detector import Detector

# Of a camera; what pictures of other sizes take is counted with the pictures.
_PICTURE_SHAPE = (480, 640, 3)
_M_ARENA_MAX = -8  # of glibc's malloc.h


def resident_bytes() -> int:
    """Memory of this process that is not swapped out, without what was freed already."""
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library than glibc
            ctypes.CDLL(None).malloc_trim(0)
    return int(psutil.Process().memory_info().rss)


def use_one_arena() -> None:
    """Allocate for all threads from one arena; to be called before there are any.

    By default glibc gives each thread an arena of its own. Networks of evicted detectors leave
    holes there, which are not given back to the system.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library than glibc
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def warm_up(detector: Detector, at_once: int) -> None:
    """Run a detector with as many callers as there will be, so that it allocates all it needs.

    Args:
        detector: Any.
        at_once: How many pictures will run at once.
    """
    picture = np.full(_PICTURE_SHAPE, 127, np.uint8)
    with ThreadPoolExecutor(at_once, "warm-up") as threads:
        # Twice: some buffers are allocated with the second picture.
        list(threads.map(lambda _: detector.detect(picture), range(2 * at_once)))
