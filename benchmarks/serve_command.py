"""`detectlab serve` as a process, for benchmarks that ask it."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psutil
import requests


@contextmanager
def serve(env: Mapping[str, str], *, when: str = "/ready") -> Iterator[tuple[str, psutil.Process]]:
    """The address of a server that is ready, and its process; killed at the end.

    Args:
        env: Its environment variables, all of them.
        when: The address that must answer first: `/health` does so without any detector.
    """
    command = [sys.executable, "-m", "detectlab", "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[2]
            while not requests.get(f"{url}{when}", timeout=60).ok:
                time.sleep(0.1)
            yield url, psutil.Process(process.pid)
        finally:
            process.kill()
