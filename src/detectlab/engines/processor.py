"""What this processor has for networks."""

import platform
import re
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import cv2

_OPENCV_AVX2 = 11  # `CPU_AVX2` of its C++ interface, which has no name in Python


@cache
def has_fast_int8() -> bool:
    """Whether int8 is faster than float32 here.

    That takes VNNI, AMX or dot products, or AVX2, which multiplies pairs of int8 but lets their
    sum overflow: calibrations keep their weights small enough for it. Measured with AVX2 alone,
    nano takes 0.6 times the processor time of float32.
    """
    if platform.machine().lower() in ("x86_64", "amd64"):
        return bool(cv2.checkHardwareSupport(_OPENCV_AVX2))
    if sys.platform == "linux":
        return "asimddp" in Path("/proc/cpuinfo").read_text().split()
    return sys.platform == "darwin"  # every ARM processor of Apple's has dot products


def processor_name() -> str:
    """The processor's name, as far as the system tells."""
    with suppress(OSError):
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        if found:
            return found[1]
    return platform.processor() or platform.machine()
