"""What a result was measured on."""

import contextlib
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2

import detectlab

ROOT = Path(__file__).resolve().parent.parent


def describe_machine() -> dict[str, Any]:
    """Date, commit, versions and processor."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": commit.stdout.strip(),
        "detectlab": detectlab.__version__,
        "python": platform.python_version(),
        "opencv": cv2.__version__,
        "cpu_count": os.cpu_count(),
        "other_load": round(os.getloadavg()[0], 1),  # beforehand: what else runs here
        "cpu": cpu_name(),
    }


def cpu_name() -> str:
    """The processor's name, as far as the system tells."""
    with contextlib.suppress(OSError):
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        if found:
            return found[1]
    return platform.processor()
