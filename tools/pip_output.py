"""What pip prints, for people: one line of progress, and one sentence when it fails."""

import re
import shutil
import sys
import threading
import time
from collections.abc import Callable

# What pip says, and what it means. The first that is found counts, whatever else went wrong then.
MEANINGS = (
    (
        r"No space left on device|Disk quota exceeded|Errno 28\b",
        "the disk is full: make room and run this again.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED",
        "the package server's certificate is not trusted: if your network has an authority of its "
        "own, name its file in PIP_CERT and run this again.",
    ),
    (
        r"ConnectionError|Failed to establish|Timeout|ProxyError|NameResolutionError"
        r"|Connection (aborted|broken|refused|reset)|Network is unreachable|IncompleteRead",
        "the package server cannot be reached: check the network (HTTPS_PROXY names a proxy, "
        "PIP_INDEX_URL a mirror) and run this again.",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "a package that came is not the one that the lock names, so it was refused: run this "
        "again, with another mirror if it stays so.",
    ),
    (
        r"No matching distribution found for ([^\s;]+)",
        r"there is no \1 for this machine and this version of Python.",
    ),
)


def explain(output: str) -> str:
    """Return one sentence on why pip, or the making of the environment, failed."""
    for pattern, meaning in MEANINGS:
        found = re.search(pattern, output)
        if found:
            return found.expand(meaning)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error:")]
    return (errors or lines or ["pip failed without a word."])[-1]


class Progress:
    """How far pip has come: a line that changes on a terminal, a line now and then elsewhere.

    Used as a context manager: it prints from the beginning to the end of the block.
    """

    def __init__(self, total: int, count_installed: Callable[[], int]) -> None:
        """Prepare to count.

        Args:
            total: How many packages the lock names; 0 for the project itself.
            count_installed: Tells how many are in the environment: while it installs them, pip
                itself is silent.
        """
        self._total = total
        self._count_installed = count_installed
        self._fetched = 0
        self._doing = ""
        self._installing = False
        self._start = time.monotonic()
        self._over = threading.Event()
        self._on_terminal = sys.stdout.isatty()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> "Progress":
        """Begin to print."""
        self._ticker.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop, and leave no half line."""
        self._over.set()
        self._ticker.join()
        if self._on_terminal:
            print("\r\x1b[K", end="", flush=True)

    def feed(self, line: str) -> None:
        """Take the next line that pip printed."""
        word, _, rest = line.strip().partition(" ")
        if word in ("Collecting", "Ignoring") or line.startswith("Requirement already satisfied"):
            self._fetched += 1
            self._doing = ""
        elif word == "Downloading" and "(" in rest:
            name, size = rest.split(" (", 1)
            package = name.rsplit("/", 1)[-1].split("-")[0].replace("_", "-")
            self._doing = f"{package}, {size.rstrip(')')}"
        elif word == "Installing":
            self._installing = True
            self._doing = ""

    def _tick(self) -> None:
        pause = 0.5 if self._on_terminal else 15.0
        while not self._over.wait(pause):
            line = self._line()
            if self._on_terminal:
                width = shutil.get_terminal_size().columns - 1
                print("\r\x1b[K" + line[:width], end="", flush=True)
            else:
                print(line, flush=True)

    def _line(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._start), 60)
        elapsed = f"  {minutes}:{seconds:02d}  "
        if not self._total:
            return elapsed + "installing the project"
        if self._installing:
            done = min(self._count_installed(), self._total)
            return f"{elapsed}installing {done} of {self._total}"
        return f"{elapsed}getting {self._fetched} of {self._total}  {self._doing}".rstrip()
